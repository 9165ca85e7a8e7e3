/** What was made of a text, kept for the next time; the texts least recently asked for are forgotten first. */
export function remembering<Made>(make: (text: string) => Made, mostCharacters: number): (text: string) => Made {
  const kept = new Map<string, Made>();
  let characters = 0;
  return (text) => {
    const known = kept.get(text);
    if (known !== undefined) {
      kept.delete(text);
      kept.set(text, known);
      return known;
    }
    const made = make(text);
    if (text.length > mostCharacters) return made;
    kept.set(text, made);
    characters += text.length;
    for (const oldest of kept.keys()) {
      if (characters <= mostCharacters) break;
      kept.delete(oldest);
      characters -= oldest.length;
    }
    return made;
  };
}
