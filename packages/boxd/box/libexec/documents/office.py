"""LibreOffice as a library (LibreOfficeKit, include/LibreOfficeKit/LibreOfficeKit.h), one process for one document."""

import ctypes
import os
import urllib.parse

from failure import Failure
from formats import DOCUMENT_TYPES

PROGRAM = "/usr/lib/libreoffice/program"

_LIBRARY = f"{PROGRAM}/libmergedlo.so"
# What documents of each kind need, which every conversion would otherwise load for itself.
_COMPONENTS = [
    *("libswlo.so", "libsw_writerfilterlo.so", "libmswordlo.so", "libsclo.so", "libscfiltlo.so", "libsdlo.so"),
    *("libpdffilterlo.so", "libgraphicfilterlo.so", "libcached1.so", "libi18nlangtag.so", "liblocaledata_en.so"),
]

# LibreOfficeKitEnums.h
_FEATURE_PASSWORDS = 0b11
_CALLBACK_PASSWORD, _CALLBACK_PASSWORD_TO_MODIFY = 20, 21

# What a conversion's profile says beside the system's settings (share/registry/banata.xcd), which forbid macros.
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Common/Misc"><prop oor:name="UseLocking" oor:op="fuse"><value>false</value></prop></item>
<item oor:path="/org.openoffice.Office.Recovery/AutoSave"><prop oor:name="Enabled" oor:op="fuse"><value>false</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/History"><prop oor:name="PickListSize" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


class _Kit(ctypes.Structure):
    pass


class _Document(ctypes.Structure):
    pass


_KitPointer, _DocumentPointer = ctypes.POINTER(_Kit), ctypes.POINTER(_Document)
_Callback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


def _function(result, *arguments):
    return ctypes.CFUNCTYPE(result, *arguments)


# The tables of functions begin like this; they only ever grow at their ends.
class _KitClass(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("destroy", _function(None, _KitPointer)),
        ("document_load", _function(_DocumentPointer, _KitPointer, ctypes.c_char_p)),
        ("get_error", _function(ctypes.c_void_p, _KitPointer)),
        ("load", _function(_DocumentPointer, _KitPointer, ctypes.c_char_p, ctypes.c_char_p)),
        ("free_error", _function(None, ctypes.c_void_p)),
        ("register_callback", _function(None, _KitPointer, _Callback, ctypes.c_void_p)),
        ("get_filter_types", _function(ctypes.c_void_p, _KitPointer)),
        ("set_optional_features", _function(None, _KitPointer, ctypes.c_ulonglong)),
        ("set_document_password", _function(None, _KitPointer, ctypes.c_char_p, ctypes.c_char_p)),
    ]


class _DocumentClass(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("destroy", _function(None, _DocumentPointer)),
        (
            "save_as",
            _function(ctypes.c_int, _DocumentPointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p),
        ),
        ("get_document_type", _function(ctypes.c_int, _DocumentPointer)),
        ("get_parts", _function(ctypes.c_int, _DocumentPointer)),
        ("get_part_page_rectangles", _function(ctypes.c_void_p, _DocumentPointer)),
        ("get_part", _function(ctypes.c_int, _DocumentPointer)),
        ("set_part", _function(None, _DocumentPointer, ctypes.c_int)),
    ]


_Kit._fields_ = [("functions", ctypes.POINTER(_KitClass))]
_Document._fields_ = [("functions", ctypes.POINTER(_DocumentClass))]


def is_installed():
    return os.path.exists(_LIBRARY)


def preload():
    """Loads the office's code without running any of it, so that processes forked from this one find it there."""
    # The library of fonts keeps what it reads; reading a thousand fonts' descriptions is a third of a conversion.
    ctypes.CDLL("libfontconfig.so.1", mode=ctypes.RTLD_GLOBAL).FcInit()
    library = ctypes.CDLL(_LIBRARY, mode=ctypes.RTLD_GLOBAL)
    for name in _COMPONENTS:
        if os.path.exists(f"{PROGRAM}/{name}"):
            ctypes.CDLL(f"{PROGRAM}/{name}", mode=ctypes.RTLD_GLOBAL)
    return library


def _url(path):
    return f"file://{urllib.parse.quote(path)}".encode()


class Office:
    """A running office. Good for one document, and never ended in order: its process is."""

    def __init__(self, folder):
        """`folder`: a new one for its profile and temporary files."""
        profile = os.path.join(folder, "profile")
        os.makedirs(os.path.join(profile, "user"))
        with open(os.path.join(profile, "user/registrymodifications.xcu"), "w") as settings:
            settings.write(_PROFILE)
        os.environ.update(
            HOME=folder, TMPDIR=folder, SAL_USE_VCLPLUGIN="svp", SAL_LOG="-INFO-WARN", LC_ALL="C.UTF-8"
        )
        hook = preload().libreofficekit_hook_2
        hook.argtypes, hook.restype = [ctypes.c_char_p, ctypes.c_char_p], _KitPointer
        self._kit = hook(PROGRAM.encode(), _url(profile))
        if not self._kit:
            raise Failure("CONVERSION_FAILED", "LibreOffice could not be started in the sandbox.")
        self._functions = self._kit.contents.functions.contents
        self._asked = 0

    def convert(self, source, target, *, kind, form, load_options="", save_options="", part=1, may_be_encrypted=False, password=None):
        """
        Opens `source`, which has to be a document of this kind, and writes it to `target` in the office's `form`.
        `part`: the sheet that formats with a single one get, counted from 1. `may_be_encrypted`: only then is it found out
        whether a password is needed, since an office that may ask for one may ask other things, too.
        """
        answer = self._answer_passwords(source, password)
        options = ",".join(filter(None, [load_options, "" if may_be_encrypted else "Batch=true"]))
        document = self._functions.load(self._kit, _url(source), options.encode())
        if not document:
            raise self._refusal(password)
        functions = document.contents.functions.contents
        if DOCUMENT_TYPES.get(functions.get_document_type(document)) != kind:
            raise Failure("DOCUMENT_BROKEN", "The content of the document is not what its name says.")
        if part != 1:
            _choose(functions, document, part)
        if not functions.save_as(document, _url(target), form.encode(), save_options.encode()):
            raise Failure("CONVERSION_FAILED", f"LibreOffice could not write the document: {self._error()}")
        del answer

    def _answer_passwords(self, source, password):
        def answer(kind, _payload, _data):
            if kind not in (_CALLBACK_PASSWORD, _CALLBACK_PASSWORD_TO_MODIFY):
                return
            self._asked += 1
            # Asked once more, it was wrong.
            given = password.encode() if password is not None and self._asked == 1 else None
            self._functions.set_document_password(self._kit, _url(source), given)

        callback = _Callback(answer)
        self._functions.set_optional_features(self._kit, _FEATURE_PASSWORDS)
        self._functions.register_callback(self._kit, callback, None)
        return callback

    def _refusal(self, password):
        if self._asked == 0:
            return Failure("DOCUMENT_BROKEN", f"LibreOffice cannot read the document: {self._error()}")
        return encrypted(password)

    def _error(self):
        error = self._functions.get_error(self._kit)
        return ctypes.string_at(error).decode(errors="replace").strip() or "no reason given" if error else "no reason given"


def _choose(functions, document, part):
    count = functions.get_parts(document)
    if part > count:
        raise Failure("INVALID_FIELD", f"sheet: the document has {count} sheets.")
    functions.set_part(document, part - 1)


def encrypted(password):
    if password is None:
        return Failure("DOCUMENT_ENCRYPTED", "The document is encrypted; give its password in options.password.")
    return Failure("DOCUMENT_ENCRYPTED", "The document is encrypted, and options.password does not open it.")
