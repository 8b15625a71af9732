#!/usr/bin/env python3
"""What clang-format and the compiler cannot see of the house style: lengths of functions, folders that are too full, names.

    check_style.py ROOT

Prints each finding as FILE:LINE: text; exit code 1 if there is one. Expects clang-format's layout: namespaces are not indented, so a
function of a file begins and ends at column 0, and one in a class at column 2.
"""
import collections
import os
import re
import subprocess
import sys

LONGEST_FUNCTION = 80  # lines, from the signature to the closing brace
FULLEST_FOLDER = 50  # source files side by side; a header and its source are two
ROOMS = ("core", "flow", "data", "trainer", "sampling", "evaluate", "solvers", "plugins", "tools", "tests", "bench")

head = re.compile(r"^(?: {2})?[A-Za-z~:].*[({,]$|^(?: {2})?[A-Za-z~:].*\)(?: const)?(?: noexcept)?(?: override)?$")
no_function = re.compile(
    r"^ *(?:namespace|class|struct|enum|union|extern|public|private|protected|using|if|for|while|switch|do|else|try|catch|return|\} )\b|[\w>\]] = [\[{]"
)
test_case = re.compile(r"^TEST(?:_F|_P)?\(\w+, ([a-z]\w*|\w*_\w*)\)")
constant = re.compile(r"\bconstexpr\b[^=;(]*\bk[A-Z]\w*\b\s*(?:\[|=|\{)")


def sources(root):
    listed = subprocess.run(["git", "-C", root, "ls-files", *ROOMS], capture_output=True, text=True)
    files = listed.stdout.split("\n") if listed.returncode == 0 else []
    return [f for f in files if re.search(r"\.(cpp|c|h|hpp)$", f) and not f.startswith("tests/fuzz/corpus/")]


def indent_of(line):
    return len(line) - len(line.lstrip())


def functions(lines):
    """(first line, last line) of each function, numbered from 1."""
    number = 0
    while number < len(lines):
        start, line = number, lines[number]
        number += 1
        if not head.match(line) or no_function.search(line):
            continue
        indent, last = indent_of(line), start  # `last`: of the signature
        while not lines[last].endswith("{") and last + 1 < len(lines) and indent_of(lines[last + 1]) >= indent + 4:
            last += 1
        if not lines[last].endswith("{") or "(" not in "".join(lines[start:last + 1]):
            continue
        end = last + 1
        while end < len(lines) and lines[end] != " " * indent + "}":
            end += 1
        yield start + 1, end + 1
        number = end


def main(root):
    findings, folders = [], collections.Counter()
    for file in sources(root):
        path = os.path.join(root, file)
        if not os.path.exists(path):
            continue
        folders[os.path.dirname(file)] += 1
        with open(path, encoding="utf-8") as text:
            lines = text.read().split("\n")
        for number, line in enumerate(lines, 1):
            if test_case.match(line):
                findings.append(f"{file}:{number}: test names are words in CamelCase: {line.strip()}")
            if constant.search(line):
                findings.append(f"{file}:{number}: constants are named like variables, largest_side: {line.strip()}")
        for start, end in functions(lines):
            if end - start + 1 > LONGEST_FUNCTION:
                findings.append(f"{file}:{start}: a function of {end - start + 1} lines; at most {LONGEST_FUNCTION}")
    for folder, count in folders.items():
        if count > FULLEST_FOLDER and not folder.startswith("tests/fuzz"):
            findings.append(f"{folder}/: {count} source files side by side; at most {FULLEST_FOLDER}")
    print("\n".join(findings) if findings else "no finding")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
