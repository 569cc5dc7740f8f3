/** SVG as text. What comes from data goes through `element` and `text`, which leave nothing of it that is markup. */
export type Svg = string;

type Attributes = { readonly [name: string]: string | number | undefined };

export function element(name: string, attributes: Attributes, ...children: readonly Svg[]): Svg {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => ` ${key}="${typeof value === 'number' ? digits(value) : escapeXml(value)}"`,
    )
    .join('');
  const content = children.join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

/** More digits than these cannot be seen. */
export function digits(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Characters that XML has no way to write: one of them would make the whole picture unreadable. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;
const ESCAPES: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function onlyXml(text: string): string {
  return text.replace(NOT_XML, '\u{fffd}');
}

export function escapeXml(text: string | undefined): string {
  return onlyXml(text ?? '').replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}

/** `<title>` of a picture: what a screen reader says. */
export const titled = (title: string): Svg => `<title>${escapeXml(title)}</title>`;

export const moved = (x: number, y: number, ...children: readonly Svg[]): Svg =>
  element('g', { transform: `translate(${digits(x)} ${digits(y)})` }, ...children);
