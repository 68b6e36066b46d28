"""Sets of characters as XML Schema names them, each as ranges of code points."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

LAST = 0x10FFFF
Ranges = tuple[tuple[int, int], ...]
"""Ranges of code points, in order, none touching the next."""


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Put ranges in order and join those that touch."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def others(ranges: Ranges) -> Ranges:
    """Give all characters that are not in a set."""
    found, start = [], 0
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        found.append((start, LAST))
    return tuple(found)


def without(ranges: Ranges, taken: Ranges) -> Ranges:
    """Give the characters of one set that are not in another."""
    return others(joined([*others(ranges), *taken]))


def any_case(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Add to each letter all that differ from it in case only."""
    found, variants = list(ranges), _variants()
    for low, high in tuple(found):
        points = variants if high - low > len(variants) else range(low, high + 1)
        for point in points:
            if low <= point <= high:
                found.extend((other, other) for other in variants.get(point, ()))
    return joined(found)


@cache
def _variants() -> dict[int, set[int]]:
    """Give for each letter with case the others that become the same in small or in capitals."""
    groups: dict[tuple[str, str], set[int]] = {}
    for point in range(_LAST_CASED + 1):
        sign = chr(point)
        small, large = sign.lower(), sign.upper()
        if small != large:
            groups.setdefault(("small", small), set()).add(point)
            groups.setdefault(("large", large), set()).add(point)
    found: dict[int, set[int]] = {}
    for group in groups.values():
        for point in group:
            found.setdefault(point, set()).update(group)
    return found


_LAST_CASED = 0x1E943


@cache
def _categories() -> dict[str, Ranges]:
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for point in range(1, LAST + 2):
        kind = unicodedata.category(chr(point)) if point <= LAST else ""
        if kind != current:
            found.setdefault(current, []).append((start, point - 1))
            start, current = point, kind
    return {kind: tuple(ranges) for kind, ranges in found.items()}


@cache
def named(name: str) -> Ranges | None:
    r"""Give the characters of a category or a block, as in ``\p{Lu}`` or ``\p{IsHiragana}``.

    >>> named("IsBasicLatin")
    ((0, 127),)
    """
    if name.startswith("Is"):
        block = _BLOCKS.get(name[2:])
        return None if block is None else (block,)
    found = [ranges for kind, ranges in _categories().items() if kind == name or kind[0] == name]
    return joined(pair for ranges in found for pair in ranges) if found else None


@cache
def escaped(letter: str) -> Ranges | None:
    r"""Give the characters of a class with a letter, as in ``\d``; the large letter is the rest."""
    if letter.isupper():
        small = escaped(letter.lower())
        return None if small is None else others(small)
    match letter:
        case "s":
            return ((9, 10), (13, 13), (32, 32))
        case "d":
            return named("Nd")
        case "w":
            kinds = [named(kind) or () for kind in "PZC"]
            return others(joined(pair for ranges in kinds for pair in ranges))
        case "i":
            return _NAME_START
        case "c":
            return joined([*_NAME_START, *_NAME_FURTHER])
    return None


_NAME_START: Ranges = joined(
    [
        *((0x3A, 0x3A), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6)),
        *((0xF8, 0x2FF), (0x370, 0x37D), (0x37F, 0x1FFF), (0x200C, 0x200D), (0x2070, 0x218F)),
        *((0x2C00, 0x2FEF), (0x3001, 0xD7FF), (0xF900, 0xFDCF), (0xFDF0, 0xFFFD)),
        (0x10000, 0xEFFFF),
    ]
)
_NAME_FURTHER = [(0x2D, 0x2E), (0x30, 0x39), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040)]
_STARTS = (
    "BasicLatin 0 7F,Latin-1Supplement 80 FF,LatinExtended-A 100 17F,LatinExtended-B 180 24F,"
    "IPAExtensions 250 2AF,SpacingModifierLetters 2B0 2FF,CombiningDiacriticalMarks 300 36F,"
    "Greek 370 3FF,GreekandCoptic 370 3FF,Cyrillic 400 4FF,CyrillicSupplement 500 52F,"
    "Armenian 530 58F,Hebrew 590 5FF,Arabic 600 6FF,Syriac 700 74F,Thaana 780 7BF,"
    "Devanagari 900 97F,Bengali 980 9FF,Gurmukhi A00 A7F,Gujarati A80 AFF,Oriya B00 B7F,"
    "Tamil B80 BFF,Telugu C00 C7F,Kannada C80 CFF,Malayalam D00 D7F,Sinhala D80 DFF,"
    "Thai E00 E7F,Lao E80 EFF,Tibetan F00 FFF,Myanmar 1000 109F,Georgian 10A0 10FF,"
    "HangulJamo 1100 11FF,Ethiopic 1200 137F,Cherokee 13A0 13FF,"
    "UnifiedCanadianAboriginalSyllabics 1400 167F,Ogham 1680 169F,Runic 16A0 16FF,"
    "Khmer 1780 17FF,Mongolian 1800 18AF,LatinExtendedAdditional 1E00 1EFF,"
    "GreekExtended 1F00 1FFF,GeneralPunctuation 2000 206F,SuperscriptsandSubscripts 2070 209F,"
    "CurrencySymbols 20A0 20CF,CombiningMarksforSymbols 20D0 20FF,"
    "CombiningDiacriticalMarksforSymbols 20D0 20FF,LetterlikeSymbols 2100 214F,"
    "NumberForms 2150 218F,Arrows 2190 21FF,MathematicalOperators 2200 22FF,"
    "MiscellaneousTechnical 2300 23FF,ControlPictures 2400 243F,"
    "OpticalCharacterRecognition 2440 245F,EnclosedAlphanumerics 2460 24FF,"
    "BoxDrawing 2500 257F,BlockElements 2580 259F,GeometricShapes 25A0 25FF,"
    "MiscellaneousSymbols 2600 26FF,Dingbats 2700 27BF,BraillePatterns 2800 28FF,"
    "CJKRadicalsSupplement 2E80 2EFF,KangxiRadicals 2F00 2FDF,"
    "IdeographicDescriptionCharacters 2FF0 2FFF,CJKSymbolsandPunctuation 3000 303F,"
    "Hiragana 3040 309F,Katakana 30A0 30FF,Bopomofo 3100 312F,"
    "HangulCompatibilityJamo 3130 318F,Kanbun 3190 319F,BopomofoExtended 31A0 31BF,"
    "EnclosedCJKLettersandMonths 3200 32FF,CJKCompatibility 3300 33FF,"
    "CJKUnifiedIdeographsExtensionA 3400 4DBF,CJKUnifiedIdeographs 4E00 9FFF,"
    "YiSyllables A000 A48F,YiRadicals A490 A4CF,HangulSyllables AC00 D7AF,"
    "PrivateUse E000 F8FF,PrivateUseArea E000 F8FF,CJKCompatibilityIdeographs F900 FAFF,"
    "AlphabeticPresentationForms FB00 FB4F,ArabicPresentationForms-A FB50 FDFF,"
    "CombiningHalfMarks FE20 FE2F,CJKCompatibilityForms FE30 FE4F,SmallFormVariants FE50 FE6F,"
    "ArabicPresentationForms-B FE70 FEFF,HalfwidthandFullwidthForms FF00 FFEF,Specials FFF0 FFFF"
)
_BLOCKS = {
    name: (int(low, 16), int(high, 16))
    for name, low, high in (each.split() for each in _STARTS.split(","))
}
