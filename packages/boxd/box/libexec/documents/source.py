"""Looks at a source before it is opened: programs that guess would take a broken document for a text."""

import codecs
import csv
import io
import mmap
import os
import stat
import zipfile

from failure import Failure
from formats import KINDS

# A part that each format of the packaged kind has, beside others.
_PARTS = {
    "docx": "word/",
    "xlsx": "xl/",
    "pptx": "ppt/",
    "odt": "content.xml",
    "ods": "content.xml",
    "odp": "content.xml",
}
# Compound files: the older binary formats, and encrypted documents of the newer ones.
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
# Names of streams of which each has one.
_STREAMS = {"doc": ["WordDocument"], "xls": ["Workbook", "Book"], "ppt": ["PowerPoint Document"]}
_ENCRYPTED_STREAMS = ["EncryptedPackage"]
_OPEN_DOCUMENT = {"odt", "ods", "odp"}
_SAMPLE_BYTES = 64 * 1024
_MANIFEST_BYTES = 4 * 1024**2
# For CSV: separator, text delimiter, character set (76 is UTF-8), first line.
_CSV_OPTIONS = "{separator},34,76,1"


def check(path):
    """The source's extension, after a look whether its content can be that. Raises Failure."""
    extension = os.path.splitext(path)[1][1:].lower()
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise Failure("FILE_NOT_FOUND", f"There is no file {path}.") from error
    except OSError as error:
        raise Failure("PERMISSION_DENIED", f"{path} cannot be read: {os.strerror(error.errno)}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise Failure("NOT_A_FILE", f"{path} is not a regular file.")
    if extension not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise Failure("CONVERSION_UNSUPPORTED", f"{path} has no known ending. Documents are: {known}.")
    if found.st_size == 0:
        raise Failure("DOCUMENT_BROKEN", f"{path} is empty (0 bytes).")
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
            _check_content(extension, head, file)
    except PermissionError as error:
        raise Failure("PERMISSION_DENIED", f"{path} cannot be read: permission denied.") from error
    return extension


def _check_content(extension, head, file):
    if extension in _PARTS:
        # An encrypted document of Microsoft's is a compound file that holds the package.
        if head.startswith(_COMPOUND):
            _check_compound(extension, _ENCRYPTED_STREAMS, file)
        else:
            _check_package(extension, file)
    elif extension in _STREAMS:
        if not head.startswith(_COMPOUND):
            raise _broken(extension)
        _check_compound(extension, _STREAMS[extension], file)
    elif extension == "pdf" and b"%PDF-" not in head or extension == "rtf" and not head.startswith(b"{\\rtf"):
        raise _broken(extension)


def _check_compound(extension, streams, file):
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if all(content.find(name.encode("utf-16-le")) < 0 for name in streams):
            raise _broken(extension)


def _check_package(extension, file):
    part = _PARTS[extension]
    try:
        with zipfile.ZipFile(file) as package:
            if not any(name.startswith(part) for name in package.namelist()):
                raise _broken(extension)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _broken(extension) from error


def may_be_encrypted(path, extension):
    """Whether the office can need a password to open it."""
    with open(path, "rb") as file:
        if file.read(len(_COMPOUND)) == _COMPOUND:
            return True
        if extension not in _OPEN_DOCUMENT:
            return False
        try:
            with zipfile.ZipFile(file) as package, package.open("META-INF/manifest.xml") as manifest:
                return b"encryption-data" in manifest.read(_MANIFEST_BYTES)
        except (KeyError, zipfile.BadZipFile, NotImplementedError):
            return False


def _broken(extension):
    return Failure("DOCUMENT_BROKEN", f"The file is damaged, or no {extension} document.")


def read_text(path):
    """The text of a file in UTF-8, UTF-16 with its mark, or else Latin-1."""
    with open(path, "rb") as file:
        data = file.read()
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def csv_options(path, extension):
    """How the office is to read the lines of a CSV file: with the separator that is in it."""
    if extension == "tsv":
        return _CSV_OPTIONS.format(separator=9)
    with open(path, "rb") as file:
        sample = io.BytesIO(file.read(_SAMPLE_BYTES)).getvalue().decode("utf-8", errors="replace")
    try:
        separator = csv.Sniffer().sniff(sample, delimiters=",;\t|").delimiter
    except csv.Error:
        separator = ","
    return _CSV_OPTIONS.format(separator=ord(separator))
