"""How large pictures are, from the first bytes of their files."""

import struct

# CSS pixels between the margins of the page that the office makes of HTML: Letter or A4 less 2 cm at each side, the
# narrower of each.
_PAGE_WIDTH = 640
_PAGE_HEIGHT = 880
_PIXELS_PER_METRE = 96 / 0.0254
# JPEG's frame headers: 0xc0 to 0xcf but for what is no frame.
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def fitted(content):
    """Width and height in CSS pixels that make a picture fit on a page; None for one that fits, or is not known."""
    size = _size(content)
    if size is None or min(size) <= 0:
        return None
    scale = min(_PAGE_WIDTH / size[0], _PAGE_HEIGHT / size[1])
    return None if scale >= 1 else tuple(max(1, int(length * scale)) for length in size)


def _size(content):
    """In CSS pixels."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(content)
        if content.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack("<HH", content[6:10])
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
    except struct.error:
        pass
    return None


def _png(content):
    width, height = struct.unpack(">II", content[16:24])
    at = content.find(b"pHYs", 33, 4096)
    if at < 0:
        return width, height
    # What says how many of its pixels a metre has is as large as that, for the office, too.
    across, down, unit = struct.unpack(">IIB", content[at + 4 : at + 13])
    if unit != 1 or across == 0 or down == 0:
        return width, height
    return width * _PIXELS_PER_METRE / across, height * _PIXELS_PER_METRE / down


def _jpeg(content):
    at, density = 2, None
    while content[at : at + 1] == b"\xff":
        marker, length = struct.unpack(">xBH", content[at : at + 4])
        if marker == 0xE0 and content[at + 4 : at + 9] == b"JFIF\0":
            unit, across, down = struct.unpack(">BHH", content[at + 11 : at + 16])
            per_inch = {1: 1, 2: 2.54}.get(unit)
            if per_inch and across and down:
                density = (across * per_inch, down * per_inch)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return (width * 96 / density[0], height * 96 / density[1]) if density else (width, height)
        at += 2 + length
    return None
