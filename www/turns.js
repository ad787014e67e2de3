// The lines of a conversation as they are shown: who, and words that grow.

/**
 * Shows what one side says; its line comes with its first word, so that silence leaves none behind.
 * @param {HTMLElement} list
 * @param {string} who
 * @returns {(text: string) => void} all that was said so far
 */
export function turn(list, who) {
  const words = document.createElement("span");
  return (text) => {
    if (!words.isConnected && text !== "") {
      const line = document.createElement("p");
      const name = document.createElement("strong");
      name.textContent = `${who}: `;
      line.append(name, words);
      list.append(line);
      list.hidden = false;
    }
    words.textContent = text;
  };
}
