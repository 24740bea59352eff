"""One conversion, in a process of its own that has the rights of the sandbox's user."""

import codecs
import errno
import os
import re
import shutil
import subprocess

import source as sources
from failure import Failure
from formats import KINDS, WRITTEN, targets
from markdown import to_html, with_charset
from office import Office, encrypted

# Pictures that one call makes at most.
MAX_PICTURES = 500
_DEFAULT_DPI = 150

_ERRNO_CODES = {
    errno.ENOSPC: "DISK_FULL",
    errno.EDQUOT: "DISK_FULL",
    errno.EACCES: "PERMISSION_DENIED",
    errno.EPERM: "PERMISSION_DENIED",
    errno.EROFS: "PERMISSION_DENIED",
    errno.ENOTDIR: "NOT_A_DIRECTORY",
    errno.EEXIST: "NOT_A_DIRECTORY",
    errno.EISDIR: "IS_DIRECTORY",
    errno.ENAMETOOLONG: "INVALID_PATH",
}


def convert(job, folder):
    """
    Does `{source, to, output?, token, options: {pages?, dpi?, password?, sheet?, delimiter?}}` with `folder` for what
    is made on the way. Answers `{outputs: [{path, size}], pages}`. Raises Failure.
    """
    try:
        return Conversion(job, folder).run()
    except OSError as error:
        code = _ERRNO_CODES.get(error.errno)
        if code is None:
            raise
        raise Failure(code, f"{error.filename2 or error.filename or job['source']}: {error.strerror}.") from error


class Conversion:
    def __init__(self, job, folder):
        self._source, self._to, self._token, self._options = job["source"], job["to"], job["token"], job["options"]
        self._folder = folder
        self._extension = sources.check(self._source)
        self._kind = KINDS[self._extension]
        if self._to == self._extension or self._to not in targets(self._kind):
            possible = ", ".join(name for name in targets(self._kind) if name != self._extension)
            raise Failure("CONVERSION_UNSUPPORTED", f"{self._extension} can become: {possible}; not {self._to}.")
        self._output = job.get("output") or f"{os.path.splitext(self._source)[0]}.{self._to}"
        if os.path.realpath(self._output) == os.path.realpath(self._source):
            raise Failure("INVALID_FIELD", "output: the result would replace the source; give another path.")
        if os.path.isdir(self._output):
            raise Failure("IS_DIRECTORY", f"output: {self._output} is a folder; give the path of a file.")
        self._ranges = _parse_pages(self._options.get("pages"))

    def run(self):
        made, pages = self._make()
        outputs = []
        os.makedirs(os.path.dirname(self._output), exist_ok=True)
        for path, number in made:
            outputs.append(self._hand_over(path, number))
        return {"outputs": outputs, "pages": pages}

    def _make(self):
        """The files that were made, each with the number that belongs into its name, and the count of pages."""
        if self._to == "png":
            return self._pictures(self._pdf())
        if self._to == "txt" and self._kind != "text":
            return self._text(self._pdf())
        made = os.path.join(self._folder, f"made.{self._to}")
        self._write(self._to, made)
        if self._to == "txt":
            _strip_mark(made)
        pages = _count_pages(made, None) if self._to == "pdf" else None
        return [(made, None)], pages

    def _pdf(self):
        if self._kind == "pdf":
            return self._source
        made = os.path.join(self._folder, "made.pdf")
        self._write("pdf", made)
        return made

    def _write(self, to, made):
        form, save_options = WRITTEN[self._kind][to]
        if to == "csv":
            save_options = _csv_options(self._options)
        if to == "pdf" and self._to == "pdf" and self._ranges:
            save_options = '{"PageRange":{"type":"string","value":"%s"}}' % self._options["pages"]
        load_options = ""
        if self._extension in ("csv", "tsv"):
            load_options = sources.csv_options(self._source, self._extension)
        Office(os.path.join(self._folder, "office")).convert(
            self._readable_source(),
            made,
            kind=self._kind,
            form=form,
            load_options=load_options,
            save_options=save_options,
            part=self._options.get("sheet", 1),
            may_be_encrypted=sources.may_be_encrypted(self._source, self._extension),
            password=self._options.get("password"),
        )
        if not os.path.isfile(made):
            raise Failure("CONVERSION_FAILED", "LibreOffice wrote no document.")

    def _readable_source(self):
        """The source, or a copy in a form that the office reads right."""
        if self._extension in ("md", "markdown"):
            text = to_html(sources.read_text(self._source), self._source)
        elif self._extension in ("html", "htm"):
            text = with_charset(sources.read_text(self._source), self._source)
        else:
            return self._source
        path = os.path.join(self._folder, "source.html")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _text(self, pdf):
        count = _count_pages(pdf, self._options.get("password"))
        ranges = self._ranges_of(count)
        made = os.path.join(self._folder, "made.txt")
        with open(made, "wb") as file:
            for first, last in ranges:
                file.write(self._poppler("pdftotext", "-layout", "-f", first, "-l", last, pdf, "-"))
        return [(made, None)], _size(ranges)

    def _pictures(self, pdf):
        count = _count_pages(pdf, self._options.get("password"))
        ranges = self._ranges_of(count)
        if _size(ranges) > MAX_PICTURES:
            raise Failure(
                "INVALID_FIELD",
                f"pages: one call makes {MAX_PICTURES} pictures at most, and this would be {_size(ranges)}; give a range.",
            )
        prefix = os.path.join(self._folder, "page")
        for first, last in ranges:
            resolution = self._options.get("dpi", _DEFAULT_DPI)
            self._poppler("pdftoppm", "-png", "-r", resolution, "-f", first, "-l", last, pdf, prefix)
        names = [name for name in os.listdir(self._folder) if re.fullmatch(r"page-\d+\.png", name)]
        numbers = sorted((int(name[5:-4]), name) for name in names)
        if not numbers:
            raise Failure("CONVERSION_FAILED", "The pages could not be drawn.")
        width = len(str(numbers[-1][0]))
        single = len(numbers) == 1
        made = [
            (os.path.join(self._folder, name), None if single else str(number).zfill(width))
            for number, name in numbers
        ]
        return made, len(made)

    def _ranges_of(self, count):
        ranges = [(first, min(last, count)) for first, last in self._ranges or [(1, count)] if first <= count]
        if not ranges:
            raise Failure("INVALID_FIELD", f"pages: the document has {count} pages.")
        return ranges

    def _poppler(self, program, *arguments):
        password = self._options.get("password")
        given = ["-upw", password] if password is not None and self._kind == "pdf" else []
        done = subprocess.run(
            [program, *given, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise Failure("CONVERSION_FAILED", f"{program} failed: {_last_line(done.stderr)}")
        return done.stdout

    def _hand_over(self, made, number):
        """Puts a file in its place, whole or not at all."""
        stem, extension = os.path.splitext(self._output)
        path = self._output if number is None else f"{stem}-{number}{extension}"
        part = os.path.join(os.path.dirname(path), f".{self._token}.part")
        try:
            os.rename(made, part)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(made, part)
        os.replace(part, path)
        return {"path": path, "size": os.stat(path).st_size}


def _count_pages(pdf, password):
    given = ["-upw", password] if password is not None else []
    done = subprocess.run(["pdfinfo", *given, pdf], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    found = re.search(rb"^Pages:\s+(\d+)", done.stdout, re.MULTILINE)
    if found and int(found[1]) > 0:
        return int(found[1])
    if b"Incorrect password" in done.stderr:
        raise encrypted(password)
    raise Failure("DOCUMENT_BROKEN", f"The PDF cannot be read: {_last_line(done.stderr)}")


def _strip_mark(path):
    """Takes away the byte order mark that the office begins texts with."""
    with open(path, "rb") as file:
        if file.read(3) != codecs.BOM_UTF8:
            return
        rest = file.read()
    with open(path, "wb") as file:
        file.write(rest)


def _parse_pages(pages):
    """Ranges of `"1-3,5"`."""
    if not pages:
        return []
    if not re.fullmatch(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*", pages):
        raise Failure("INVALID_FIELD", 'pages: give pages and ranges such as "1-3,5".')
    parts = [part.split("-") for part in pages.split(",")]
    ranges = [(int(part[0]), int(part[-1])) for part in parts]
    if any(first < 1 or first > last for first, last in ranges):
        raise Failure("INVALID_FIELD", "pages: they are counted from 1, and a range goes upwards.")
    return ranges


def _size(ranges):
    return sum(last - first + 1 for first, last in ranges)


def _csv_options(options):
    # Separator, quote, UTF-8, first line, no fixed widths, language; not all quoted, values as shown, no formulas.
    return f"{ord(options.get('delimiter', ','))},34,76,1,,0,false,true,false"


def _last_line(output):
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "no reason given"
