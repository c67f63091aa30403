#!/usr/bin/python3
"""Eight libraries of English texts, from eight packages of Debian: writes FOLDER/NAME.train and FOLDER/NAME.held.

usage: prepare.py FOLDER [CHARACTERS]: of each library (1500000); packages are downloaded to FOLDER/packages and unpacked there
       prepare.py --made FOLDER [CHARACTERS]: made-up texts instead, for tests; nothing is downloaded

All libraries have one set of 96 characters: printable ASCII and the end of a line. Others are written in it where Unicode knows
how, and left out elsewhere. A library is a mixture of stretches from all over its package; of each ten stretches, one is held out.
"""
import glob
import gzip
import os
import random
import re
import subprocess
import sys
import unicodedata

STRETCH = 5000  # characters; a stretch is either learnt from or held out
ALIKE = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "--", "\u2026": "...",
                       "\t": "    ", "\r": None})


def ascii_only(text):
    """The text in printable ASCII and ends of lines, at most one empty line at a time."""
    text = unicodedata.normalize("NFKD", text.translate(ALIKE))
    text = "".join(c for c in text if " " <= c <= "~" or c == "\n")
    return re.sub(r"\n\s*\n+", "\n\n", re.sub(r" +\n", "\n", text))


def files(root, pattern):
    """The contents of all files of that name, in the order of their paths; gzip and dictzip are unpacked."""
    for path in sorted(glob.glob(os.path.join(root, pattern), recursive=True)):
        with (gzip.open if path.endswith((".gz", ".dz")) else open)(path, "rb") as f:
            yield f.read().decode("utf-8", "replace")


def man_page(text):
    """Without the requests and escapes of roff."""
    text = "\n".join(line for line in text.split("\n") if not line.startswith((".\\\"", "'\\\"", ".TH", ".\\}", ".if", ".ie", ".el", ".de")))
    text = re.sub(r"^\.SH *(.*)$", r"\n\1", text, flags=re.M)
    text = re.sub(r"^\.[A-Za-z]+ ?", "", text, flags=re.M)
    text = re.sub(r"\\f(\[[^]]*\]|\(..|.)", "", text)
    text = re.sub(r"\\\((\w\w)|\\\[([^]]*)\]", lambda m: {"aq": "'", "lq": '"', "rq": '"', "en": "-", "em": "--", "co": "(C)"}.get(m[1] or m[2], ""), text)
    return re.sub(r"\\[&%/,|^:]", "", text).replace("\\-", "-").replace("\\e", "\\").replace("\\ ", " ").replace("\\(bu", "*")


def pod(text):
    """Without the commands of Perl's documentation."""
    text = re.sub(r"^=(head\d|item) +", "", text, flags=re.M)
    text = re.sub(r"^=\w+.*$", "", text, flags=re.M)
    text = re.sub(r"[BCFILSXZ]<<+ (.*?) >>+", r"\1", text)
    for _ in range(3):  # B<> within C<> within L<>
        text = re.sub(r"\b[BCFILSXZ]<([^<>]*)>", r"\1", text)
    return text.replace("E<lt>", "<").replace("E<gt>", ">")


def bible(root):
    """The text is compressed in a way that only the package's program knows."""
    program = os.path.join(root, "usr/bin/bible")
    return [subprocess.run([program, "-l70", "-p", os.path.join(root, "usr/lib"), "gen1:1-rev22:21"], check=True, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout]


LIBRARIES = {  # name: packages, and what their texts are
    "bible": ("bible-kjv-text bible-kjv", bible),
    "anarchism": ("anarchism", lambda root: files(root, "usr/share/doc/anarchism/markdown/*.md.gz")),
    "gcide": ("dict-gcide", lambda root: files(root, "usr/share/dictd/gcide.dict.dz")),
    "fortunes": ("fortunes", lambda root: files(root, "usr/share/games/fortunes/*.u8")),
    "foldoc": ("dict-foldoc", lambda root: files(root, "usr/share/dictd/foldoc.dict.dz")),
    "linux": ("linux-doc-6.1", lambda root: files(root, "usr/share/doc/linux-doc-6.1/Documentation/**/*.rst.gz")),
    "perl": ("perl-doc", lambda root: map(pod, files(root, "usr/share/perl/*/pod/*.pod"))),
    "manpages": ("manpages-dev", lambda root: map(man_page, files(root, "usr/share/man/man[23]/*.gz"))),
}


def unpack(folder, packages):
    """Downloads the packages, unless they are there, and returns the folder of their files."""
    here = os.path.join(folder, "packages")
    root = os.path.join(here, packages.split()[0])
    os.makedirs(root, exist_ok=True)
    for package in packages.split():
        if not glob.glob(os.path.join(here, package + "_*.deb")):
            subprocess.run(["apt-get", "-q", "download", package], cwd=here, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["dpkg-deb", "-x", glob.glob(os.path.join(here, package + "_*.deb"))[0], root], check=True)
    return root


def write(folder, name, text, size):
    """Stretches at random from all over the text, the tenth part of them held out."""
    stretches = [text[i:i + STRETCH] for i in range(0, len(text), STRETCH)]
    random.Random(name).shuffle(stretches)
    stretches = stretches[:max(2, size // STRETCH)]
    held = max(1, len(stretches) // 10)
    for part, chosen in (("held", stretches[:held]), ("train", stretches[held:])):
        with open(os.path.join(folder, f"{name}.{part}"), "w", encoding="ascii") as f:
            f.write("".join(chosen))
    print(f"{name:10} {sum(map(len, stretches)):8} of {len(text):8} characters")


def made_up(name, size):
    """Text of a hundred words of this library's own, in lines."""
    draw = random.Random(name)
    words = ["".join(draw.choice("etaoinshrdlu") for _ in range(draw.randint(2, 7))) for _ in range(100)]
    return "".join(draw.choice(words) + draw.choice("     \n") for _ in range(size // 5))


def main(arguments):
    """The command."""
    made = arguments[:1] == ["--made"]
    folder = arguments[made]
    size = int(arguments[made + 1]) if len(arguments) > made + 1 else 1500000
    os.makedirs(folder, exist_ok=True)
    for name, (packages, texts) in LIBRARIES.items():
        text = made_up(name, size) if made else ascii_only("\n\n".join(texts(unpack(folder, packages))))
        write(folder, name, text, size)


if __name__ == "__main__":
    main(sys.argv[1:])
