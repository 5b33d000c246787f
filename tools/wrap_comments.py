#!/usr/bin/env python3
"""Wraps comments and documents at 100 columns: `./x format --comments`, or with the files that are named.

Only paragraphs with a line that is too long are touched. Code, fences, tables, headings and comments behind code stay.
"""
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS_MAX = 100
ITEM = re.compile(r"(?:[-*+]|\d+\.) +")


def wrapped(lines, marker):
    """One paragraph: `lines` behind `marker`, the first perhaps an item of a list."""
    if all(len(marker + line) <= COLUMNS_MAX for line in lines):
        return [marker + line for line in lines]
    indent = re.match(r" *", lines[0]).group()
    item = ITEM.match(lines[0][len(indent):])
    hanging = indent + " " * len(item.group()) if item else indent
    words = " ".join(line.strip() for line in lines)
    return textwrap.wrap(words, COLUMNS_MAX, initial_indent=marker + indent, subsequent_indent=marker + hanging,
                         break_long_words=False, break_on_hyphens=False)


def paragraphs(lines, marker, stays):
    """Wraps what lies between blank lines, items and lines that stay as they are."""
    result, paragraph = [], []

    def close():
        if paragraph:
            result.extend(wrapped(paragraph, marker))
            paragraph.clear()

    for line in lines:
        text = line.strip()
        if not text or stays(line):
            close()
            result.append((marker + line).rstrip())
            continue
        deeper = paragraph and len(line) - len(line.lstrip()) > len(paragraph[0]) - len(paragraph[0].lstrip()) + 4
        if ITEM.match(text) or deeper:
            close()
        paragraph.append(line)
    close()
    return result


def wrap_code(lines):
    """Blocks of whole-line comments with one marker and one indentation."""
    result, block, marker = [], [], None

    def close():
        if block:
            # What is set off by more than two blanks is a drawing or an example.
            result.extend(paragraphs(block, marker, lambda line: line.startswith("   ") or "  |" in line or "----" in line))
            block.clear()

    for line in lines:
        match = re.match(r"( *(?:///|//) )(?!<)(.*)$", line) or re.match(r"( *(?:///|//))()$", line)
        if not match:
            close()
            result.append(line)
            continue
        mark = match.group(1) if match.group(1).endswith(" ") else match.group(1) + " "
        if mark != marker:
            close()
            marker = mark
        block.append(match.group(2))
    close()
    return result


def wrap_document(lines):
    result, block, fenced = [], [], False

    def close():
        result.extend(paragraphs(block, "", lambda line: line.lstrip().startswith(("|", "#", "<", ">", "    ", "![", "[!"))))
        block.clear()

    for line in lines:
        fence = line.lstrip().startswith("```")
        if fence or fenced:
            close()
            result.append(line)
            fenced ^= fence
        else:
            block.append(line)
    close()
    return result


def main():
    files = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    if not files:
        listing = subprocess.run(["git", "ls-files", "*.h", "*.cc", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
        files = [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).exists()]
    for file in files:
        text = file.read_text(encoding="utf-8")
        lines = (wrap_document if file.suffix == ".md" else wrap_code)(text.splitlines())
        if "\n".join(lines) + "\n" != text:
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(file.relative_to(ROOT))


main()
