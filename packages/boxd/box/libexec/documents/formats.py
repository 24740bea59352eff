"""Which formats there are, and which way leads from one to another."""

# Extension of the source: kind of document.
KINDS = {
    **dict.fromkeys(["docx", "doc", "odt", "fodt", "rtf", "html", "htm", "md", "markdown", "txt"], "text"),
    **dict.fromkeys(["xlsx", "xls", "ods", "fods", "csv", "tsv"], "spreadsheet"),
    **dict.fromkeys(["pptx", "ppt", "odp", "fodp"], "presentation"),
    "pdf": "pdf",
}

# Formats that the office writes itself, by kind: its name of the format, and the options it writes with.
# The options are the office's own: https://help.libreoffice.org/latest/en-US/text/shared/guide/convertfilters.html
WRITTEN = {
    "text": {
        "pdf": ("pdf", ""),
        "docx": ("docx", ""),
        "odt": ("odt", ""),
        "rtf": ("rtf", ""),
        "html": ("html", "EmbedImages"),
        "txt": ("txt", ""),
    },
    "spreadsheet": {
        "pdf": ("pdf", ""),
        "xlsx": ("xlsx", ""),
        "ods": ("ods", ""),
        "csv": ("csv", ""),
        "html": ("html", ""),
    },
    "presentation": {"pdf": ("pdf", ""), "pptx": ("pptx", ""), "odp": ("odp", "")},
    "pdf": {},
}

# Formats that are made of a PDF, which any kind can become.
FROM_PDF = ("png", "txt")

# What the office calls the kinds (LibreOfficeKitDocumentType).
DOCUMENT_TYPES = {0: "text", 1: "spreadsheet", 2: "presentation"}


def targets(kind):
    """Formats that a document of this kind can become."""
    return sorted({*WRITTEN[kind], *FROM_PDF})
