import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Relation } from './relations.ts';
import { DIALECT, relationCompletion } from './sql-language.ts';
import { type StatementText, statementsOf } from './statements.ts';

export interface SqlEditor {
  /** What is to be run: the statements of the selection where there is one, else all of them. */
  statements(): StatementText[];
  text(): string;
  /** Replaces the selection, and puts the cursor behind it. */
  insert(text: string): void;
  replace(text: string): void;
  /** Marks what is wrong at `index` of the text. */
  mark(index: number, message: string): void;
  /** And what is offered. */
  clearMarks(): void;
  focus(): void;
  destroy(): void;
}

interface EditorOptions {
  readonly text: string;
  readonly relations: () => readonly Relation[];
  readonly onRun: () => void;
  /** Told of each change of the text. */
  readonly onText: (text: string) => void;
}

/**
 * CodeMirror in a shadow root: there it brings its styles as constructed sheets, which the page's policy allows,
 * and not as style elements, which it forbids.
 */
export function createEditor(host: HTMLElement, options: EditorOptions): SqlEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({ doc: options.text, extensions: extensions(options) }),
  });
  return {
    statements: () => chosenStatements(view.state),
    text: () => view.state.doc.toString(),
    insert: (text) => {
      view.dispatch(view.state.replaceSelection(text));
      view.focus();
    },
    replace: (text) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    mark: (index, message) => {
      const from = Math.min(index, view.state.doc.length);
      const to = endOfWord(view.state, from);
      view.dispatch(setDiagnostics(view.state, [{ from, to, severity: 'error', message }]), {
        selection: { anchor: from },
        scrollIntoView: true,
      });
    },
    clearMarks: () => {
      closeCompletion(view);
      view.dispatch(setDiagnostics(view.state, []));
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

function chosenStatements(state: EditorState): StatementText[] {
  const { from, to, empty } = state.selection.main;
  const selected = state.sliceDoc(from, to);
  return empty || selected.trim() === ''
    ? statementsOf(state.doc.toString())
    : statementsOf(selected, from);
}

/** At least one character, so that there is something to underline. */
function endOfWord(state: EditorState, from: number): number {
  const rest = /^[\w".]+/.exec(state.sliceDoc(from, from + 200))?.[0] ?? '';
  return Math.min(state.doc.length, from + Math.max(1, rest.length));
}

function extensions({ relations, onRun, onText }: EditorOptions) {
  const run = (view: EditorView) => {
    // What was typed is what is meant: the list would stand over it.
    closeCompletion(view);
    onRun();
    return true;
  };
  return [
    lineNumbers(),
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    EditorView.lineWrapping,
    autocompletion({
      icons: false,
      override: [relationCompletion(relations)],
    }),
    sql({ dialect: DIALECT }),
    syntaxHighlighting(COLOURS),
    LOOK,
    typeOverSelection,
    EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) onText(state.doc.toString());
    }),
    EditorView.contentAttributes.of({ 'aria-label': 'SQL' }),
    keymap.of([
      { key: 'Mod-Enter', run, preventDefault: true },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...historyKeymap,
      // Tab is left to the browser: it leads out of the editor.
      ...defaultKeymap,
    ]),
  ];
}

/**
 * What is typed over a selection. Left to the browser it would keep the look of what was there in a style
 * attribute, which the page's policy forbids; the text comes out the same.
 */
const typeOverSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { from, to, empty } = view.state.selection.main;
    const { data, inputType } = event;
    if (inputType !== 'insertText' || data === null || empty || view.composing) return false;
    event.preventDefault();
    const insert = () =>
      view.state.update(view.state.replaceSelection(data), { userEvent: 'input.type' });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, data, insert))) view.dispatch(insert());
    return true;
  },
});

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
  { tag: [tags.comment], color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: tags.typeName, color: 'var(--code-number)' },
]);

const LOOK = EditorView.theme({
  '&': { height: '100%', fontSize: 'var(--text-s)', color: 'var(--text)' },
  // The frame around it shows the focus.
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '1.55' },
  '.cm-content': { padding: '0.5rem 0', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': {
    backgroundColor: 'var(--surface)',
    color: 'var(--text-muted)',
    border: '0',
  },
  '.cm-activeLine': {
    backgroundColor: 'color-mix(in srgb, var(--surface-hover) 60%, transparent)',
  },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    {
      backgroundColor: 'var(--surface-selected)',
    },
  '&.cm-focused .cm-matchingBracket': {
    backgroundColor: 'var(--surface-selected)',
    outline: '1px solid var(--border-strong)',
  },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad)',
    backgroundColor: 'var(--bad-surface)',
  },
  '.cm-tooltip': {
    border: '1px solid var(--border-strong)',
    borderRadius: 'var(--radius-s)',
    backgroundColor: 'var(--surface-raised)',
    boxShadow: 'var(--shadow)',
    color: 'var(--text)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--font-mono)',
    maxHeight: '14rem',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '0.125rem 0.5rem' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--text-on-accent)',
  },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.75', fontStyle: 'normal' },
  '.cm-diagnostic': { padding: '0.25rem 0.5rem', borderLeft: '3px solid var(--bad)' },
});
