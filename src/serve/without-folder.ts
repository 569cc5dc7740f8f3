/** A program far away has no use for where the files are, and a stranger none that is good. */
export function withoutFolder(message: string, folder: string): string {
  return message.replaceAll(`${folder}/`, '').replaceAll(folder, 'the data folder');
}
