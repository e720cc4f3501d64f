// The files of a folder that was chosen or dropped, by their path inside it.
"use strict";

// From an input: [path, File] each. A browser that knows no folders gives bare names.
function filesOfInput(files) {
  return [...files].map((file) => {
    const path = file.webkitRelativePath || file.name;
    return [path.includes("/") ? path.slice(path.indexOf("/") + 1) : path, file];
  });
}

// From a drop: the same. The name of one dropped folder is no part of the paths; of
// several it is.
async function filesOfDrop({ items, files }) {
  // Asked for at once: the browser forgets the items after the event.
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return filesOfInput(files);
  const isOneFolder = entries.length === 1 && entries[0].isDirectory;
  const found = (await Promise.all(entries.map(filesBelow))).flat();
  return found.map(([path, file]) => {
    const inside = path.replace(/^\//, "");
    return [isOneFolder ? inside.slice(inside.indexOf("/") + 1) : inside, file];
  });
}

async function filesBelow(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [[entry.fullPath, file]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A hundred at a time, until none is left.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const below of some) found.push(...(await filesBelow(below)));
  }
}
