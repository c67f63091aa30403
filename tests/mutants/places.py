"""Where a C source can be broken by one small operator, and the text that breaks it when the program is told to.

Operators: "drop check" (a condition, or one part of it, no longer counts), "flip comparison" (< and <=, > and >=, == and
!=), "drop negation" (!x is x) and "skip call" (a call as a statement is left out). It reads the sources of this tree,
which clang-format has formatted; it is no C parser. What programs only show or free is left alone, and so are the heads
of loops, whose mutants are memory errors."""

import re
from dataclasses import dataclass, replace

COMPARISON = re.compile(r"<=|>=|==|!=|(?<![-<])>(?![>=])|(?<!<)<(?![<=])")
FLIPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
CALL = re.compile(r"(?<=[;{})\n:])\s*\n\t+(?:\(void\))?([a-z_][a-z0-9_]*)\(")
# What frees or only says something: a program that does not differs in nothing that a test could rely on.
QUIET = re.compile(r"free$|^va_|^fprintf$|^printf$|^snprintf$|^sl_log|^sl_net_say$|^close$|^if$|^for$|^while$|^switch$|^return$|^sizeof$")


@dataclass(frozen=True)
class Place:
    file: str
    start: int
    end: int
    line: int
    operator: str
    before: str  # what is there, on one line, and #2 where that is there a second time: with file and operator the name
    text: str  # what replaces it; MUTANT stands for "this mutant is the one that runs"

    @property
    def name(self):
        return f"{self.file} | {self.operator} | {self.before}"


def masked(text):
    """The text with comments, strings and preprocessor lines blanked, at the same offsets."""
    def blank(m):
        if m.group()[0] == "/":
            return re.sub(r"[^\n]", " ", m.group())
        return m.group()[0] + "_" * (len(m.group()) - 2) + m.group()[0]

    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.M)


def closing(text, at):
    """The offset of the parenthesis that closes the one at `at`."""
    depth = 0
    for k in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[k], 0)
        if depth == 0:
            return k
    raise ValueError("unbalanced")


def top(text):
    """The same text with everything inside brackets blanked."""
    depth, out = 0, []
    for c in text:
        depth -= c in ")]}"
        out.append(c if depth == 0 else " ")
        depth += c in "([{"
    return "".join(out)


def trimmed(text, start, end):
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def operands(text, start, end, sign):
    """The spans between `sign` (&& or ||) at the top level of a span."""
    flat, at, out = top(text[start:end]), 0, []
    for m in re.finditer(re.escape(sign), flat):
        out.append((start + at, start + m.start()))
        at = m.end()
    return out + [(start + at, end)]


def condition(text, start, end, around):
    """Yields (span, operator, replacement) for a condition; `around`: what joins it to the rest (&&, ||, if, None)."""
    start, end = trimmed(text, start, end)
    flat = top(text[start:end])
    if re.search(r"\?|(?<![=!<>+\-*/|&^])=(?!=)", flat) or start == end:
        return
    for sign in ("||", "&&"):
        if sign in flat:
            if around in ("if", "||" if sign == "&&" else "&&"):
                yield drop(start, end, around)
            for a, b in operands(text, start, end, sign):
                yield from condition(text, a, b, sign)
            return
    if around in ("if", "&&", "||"):
        yield drop(start, end, around)
    if text[start] == "(" and closing(text, start) == end - 1:
        yield from condition(text, start + 1, end - 1, None)
    elif text[start] == "!" and not re.search(r"[<>=]", flat):
        yield (start + 1, end), "drop negation", "(MUTANT ^ !({}))", start
    elif (found := [m for m in COMPARISON.finditer(flat)]) and len(found) == 1:
        m, n = found[0], len(found[0].group())
        left, right = (start, start + m.start()), (start + m.start() + n, end)
        yield (start, end), "flip comparison", (left, right, FLIPPED[m.group()]), start


def drop(start, end, around):
    return (start, end), "drop check", "(MUTANT || ({}))" if around == "&&" else "(!MUTANT && ({}))", start


def conditions(text):
    for m in re.finditer(r"\b(if|while) \(", text):
        at = m.end() - 1
        yield from condition(text, at + 1, closing(text, at), "if" if m.group(1) == "if" else None)
    for m in re.finditer(r"\breturn ([^;]*);", text):
        if re.search(r"&&|\|\||[<>=!]=|[^-]>|<|^!", m.group(1)):
            yield from condition(text, m.start(1), m.end(1), None)


def places(file, source):
    """All places of a file, each with a name of its own."""
    seen, out = {}, []
    for p in found(file, source):
        seen[p.name] = seen.get(p.name, 0) + 1
        out.append(p if seen[p.name] == 1 else replace(p, before=f"{p.before} #{seen[p.name]}"))
    return out


def found(file, source):
    text = masked(source)
    for (start, end), operator, how, first in conditions(text):
        inner = source[start:end]
        if operator == "flip comparison":
            (a, b), (c, d), sign = how
            l, r = source[a:b].strip(), source[c:d].strip()
            new = f"(MUTANT ? ({l}) {sign} ({r}) : {inner})"
        else:
            new = how.format(inner)
        yield make(file, source, first, end, operator, new)
    for m in CALL.finditer(text):
        at = text.index("(", m.end() - 1)
        stop = closing(text, at)
        name = m.start(1) - (6 if text[m.start(1) - 6 : m.start(1)] == "(void)" else 0)
        if text[stop + 1 : stop + 2] == ";" and not QUIET.search(m.group(1)):
            call = source[name : stop + 2]
            yield make(file, source, name, stop + 2, "skip call", "{ if (!MUTANT) " + call + " }")


def make(file, source, start, end, operator, text):
    before = " ".join(source[start:end].split())
    return Place(file, start, end, source.count("\n", 0, start) + 1, operator, before, text)
