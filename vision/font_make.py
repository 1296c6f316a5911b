#!/usr/bin/env python3
"""Writes font_data.c: the outlines of the printable ASCII letters of DejaVu Sans Condensed Bold.

Run once, when the font is to be changed:  /usr/bin/python3 vision/font_make.py > vision/font_data.c
Needs the Debian packages fonts-dejavu-extra and python3-fonttools.
"""
import sys

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf"
LICENCE = """\
/*
 * Outlines of the printable ASCII letters of DejaVu Sans Condensed Bold 2.37, in font units, for
 * font.h. Written by font_make.py; do not edit.
 *
 * Copyright (c) 2003 by Bitstream, Inc. All Rights Reserved. Bitstream Vera is a trademark of
 * Bitstream, Inc. DejaVu changes are in public domain.
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of the fonts
 * accompanying this license ("Fonts") and associated documentation files (the "Font Software"), to
 * reproduce and distribute the Font Software, including without limitation the rights to use,
 * copy, merge, publish, distribute, and/or sell copies of the Font Software, and to permit persons
 * to whom the Font Software is furnished to do so, subject to the following conditions:
 *
 * The above copyright and trademark notices and this permission notice shall be included in all
 * copies of one or more of the Font Software typefaces.
 *
 * The Font Software may be modified, altered, or added to, and in particular the designs of glyphs
 * or characters in the Fonts may be modified and additional glyphs or characters may be added to
 * the Fonts, only if the fonts are renamed to names not containing either the words "Bitstream" or
 * the word "Vera".
 *
 * This License becomes null and void to the extent applicable to Fonts or Font Software that has
 * been modified and is distributed under the "Bitstream Vera" names.
 *
 * The Font Software may be sold as part of a larger software package but no copy of one or more of
 * the Font Software typefaces may be sold by itself.
 *
 * THE FONT SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
 * INCLUDING BUT NOT LIMITED TO ANY WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE
 * AND NONINFRINGEMENT OF COPYRIGHT, PATENT, TRADEMARK, OR OTHER RIGHT. IN NO EVENT SHALL BITSTREAM
 * OR THE GNOME FOUNDATION BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, INCLUDING ANY
 * GENERAL, SPECIAL, INDIRECT, INCIDENTAL, OR CONSEQUENTIAL DAMAGES, WHETHER IN AN ACTION OF
 * CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF THE USE OR INABILITY TO USE THE FONT SOFTWARE
 * OR FROM OTHER DEALINGS IN THE FONT SOFTWARE.
 *
 * Except as contained in this notice, the names of Gnome, the Gnome Foundation, and Bitstream
 * Inc., shall not be used in advertising or otherwise to promote the sale, use or other dealings
 * in this Font Software without prior written authorization from the Gnome Foundation or Bitstream
 * Inc., respectively.
 */"""


class Outline(BasePen):
    """Collects a glyph as font.h wants it: moves, lines, and control points before their end."""

    def __init__(self, glyphs):
        super().__init__(glyphs)
        self.points = []

    def add(self, kind, point):
        self.points.append((kind, round(point[0]), round(point[1])))

    def _moveTo(self, point):
        self.add("M", point)

    def _lineTo(self, point):
        self.add("L", point)

    def _qCurveToOne(self, control, end):
        self.add("C", control)
        self.add("L", end)


def main():
    font = TTFont(FONT)
    glyphs, names = font.getGlyphSet(), font.getBestCmap()
    points, table = [], []
    for code in range(32, 127):
        pen = Outline(glyphs)
        glyphs[names[code]].draw(pen)
        table.append((len(points), len(pen.points), round(glyphs[names[code]].width), chr(code)))
        points += pen.points
    out = [LICENCE, '#include "vision/font.h"', "", "/* clang-format off */",
           f"const int font_units = {font['head'].unitsPerEm};", "",
           "#define M FONT_MOVE", "#define L FONT_LINE", "#define C FONT_CONTROL", "",
           f"const struct font_point font_points[{len(points)}] = {{"]
    for i in range(0, len(points), 5):
        out.append("    " + " ".join("{%s, %d, %d}," % p for p in points[i:i + 5]))
    out += ["};", "", "const struct font_glyph font_glyphs[95] = {"]
    for first, count, advance, char in table:
        name = "backslash" if char == "\\" else char
        out.append("    {%d, %d, %d}, /* %s */" % (first, count, advance, name))
    out.append("};")
    sys.stdout.write("\n".join(out) + "\n")


main()
