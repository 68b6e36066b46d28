"""Names as people have them, and as systems write them: accents lost, orders swapped."""

from __future__ import annotations

import unicodedata
from random import Random

_FRENCH = (
    "Léa Chloé Inès Camille Élodie Zoé Manon Anaïs Hélène Aurélie Océane Margaux Clémence Noémie "
    "Célia Agathe Jeanne Louise Lucie Émilie",
    "Théo Hugo Loïc Jérôme Rémi François Benoît Gaël Étienne Léo Noël Cédric Grégoire Stéphane "
    "Mathéo Raphaël Antoine Quentin Sébastien Aurélien",
    "Lefèvre Béranger Moreau Dupré Garnier Faure Gérard Besson Chevalier Lacroix Müller-Petit "
    "D'Angelo Fournier Girard Perrin Rousseau Renaud Vidal Châtelain Guérin Hébert Lemaître "
    "Mathieu Noël Payet Rivière Séguin Tessier Vallée Brun Collet Dufour Évrard Fabre Gaillard "
    "Humbert Jacquet Leclère Marchand Pélissier",
)
_GERMAN = (
    "Jule Lena Käthe Mia Sophie Änne Greta Frieda Marlene Hanna Johanna Mareike Svenja Antje "
    "Birgit Jördis Wiebke Katrin Ulrike Lotte",
    "Jörg Lukas Finn Björn Sönke Matthias Jürgen Torben Hauke Malte Günther Felix Paul Henrik "
    "Rüdiger Götz Timo Leon Arne Kai",
    "Müller Schröder Jäger König Weiß Groß Lübbers Petersen Hansen Vögele Böhm Krüger Schäfer "
    "Köhler Möller Thießen Strauß Bäcker Günther Harms Ahrens Behrens Claußen Detlefsen Ehlers "
    "Friedrichsen Gätjens Höfer Iversen Jürgensen Kröger Lüders Meißner Nölting Oetjen Plöger "
    "Rönne Sörensen Tönnies Wöhler",
)
_CHINESE_FAMILY = (
    "王 Wang 李 Li 张 Zhang 刘 Liu 陈 Chen 杨 Yang 赵 Zhao 黄 Huang 周 Zhou 吴 Wu 徐 Xu 孙 Sun "
    "胡 Hu 朱 Zhu 高 Gao 林 Lin 何 He 郭 Guo 马 Ma 罗 Luo 梁 Liang 宋 Song 郑 Zheng 谢 Xie 韩 Han "
    "唐 Tang 冯 Feng 于 Yu 董 Dong 萧 Xiao 欧阳 Ouyang 司马 Sima"
)
_CHINESE_HER = (
    "敏 Min 静 Jing 丽 Li 艳 Yan 秀英 Xiuying 霞 Xia 雪 Xue 婷婷 Tingting 雨桐 Yutong 欣怡 Xinyi "
    "梦洁 Mengjie 佳 Jia 晓燕 Xiaoyan 莉 Li 思颖 Siying 玉兰 Yulan 娜 Na 慧 Hui 倩 Qian 紫涵 Zihan"
)
_CHINESE_HIS = (
    "强 Qiang 磊 Lei 军 Jun 洋 Yang 勇 Yong 杰 Jie 涛 Tao 明 Ming 超 Chao 建国 Jianguo 浩然 Haoran "
    "子轩 Zixuan 宇航 Yuhang 志强 Zhiqiang 鹏 Peng 博文 Bowen 俊杰 Junjie 海峰 Haifeng 斌 Bin 毅 Yi"
)


FRENCH = tuple(names.split() for names in _FRENCH)
"""Her given names, his given names, family names."""
GERMAN = tuple(names.split() for names in _GERMAN)


def _pairs(text: str) -> list[tuple[str, str]]:
    words = text.split()
    return list(zip(words[::2], words[1::2], strict=True))


CHINESE = (_pairs(_CHINESE_HER), _pairs(_CHINESE_HIS), _pairs(_CHINESE_FAMILY))

_GERMAN_WAY = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe"})


class Name:
    """A person's name: how it is written, in Latin letters, and whether the family comes first."""

    __slots__ = ("chinese", "first", "last", "latin_first", "latin_last")

    def __init__(
        self, first: str, last: str, latin_first: str, latin_last: str, chinese: bool
    ) -> None:
        self.first = first
        self.last = last
        self.latin_first = latin_first
        self.latin_last = latin_last
        self.chinese = chinese

    @property
    def full(self) -> str:
        """The name as its owner writes it."""
        return f"{self.last}{self.first}" if self.chinese else f"{self.first} {self.last}"

    def married(self, last: str) -> Name:
        """Return the name after a wedding."""
        return Name(self.first, last, self.latin_first, plain(last), self.chinese)

    def typed(self, rng: Random) -> str:
        """Write the name as some system or clerk would.

        >>> name = Name("芳", "王", "Fang", "Wang", True)
        >>> sorted({name.typed(Random(seed)) for seed in range(40)})
        ['Fang Wang', 'WANG F.', 'Wang Fang', '王芳']
        """
        way = rng.random()
        if self.chinese:
            if way < 0.45:
                return self.full
            if way < 0.70:
                return f"{self.latin_first} {self.latin_last}"
            if way < 0.92:
                return f"{self.latin_last} {self.latin_first}"
            return f"{self.latin_last.upper()} {self.latin_first[0]}."
        if way < 0.55:
            return self.full
        if way < 0.80:
            return f"{self.latin_first} {self.latin_last}"
        if way < 0.90:
            return f"{self.latin_last.upper()} {self.latin_first}"
        return slip(self.full, rng)


def plain(text: str) -> str:
    """Take the accents off, the German way for umlauts.

    >>> plain("Jörg Lefèvre"), plain("Weiß")
    ('Joerg Lefevre', 'Weiss')
    """
    parts = unicodedata.normalize("NFKD", text.translate(_GERMAN_WAY))
    return "".join(part for part in parts if not unicodedata.combining(part))


def slip(text: str, rng: Random) -> str:
    """Type a name with two neighbouring letters swapped."""
    place = rng.randrange(1, max(2, len(text) - 1))
    return text[: place - 1] + text[place : place + 1] + text[place - 1] + text[place + 1 :]


def name_of(country: str, female: bool, rng: Random) -> Name:
    """Draw a name that is usual in a country."""
    if country == "CN":
        first, latin_first = rng.choice(CHINESE[0 if female else 1])
        last, latin_last = rng.choice(CHINESE[2])
        return Name(first, last, latin_first, latin_last, True)
    names = FRENCH if country == "FR" else GERMAN
    first, last = rng.choice(names[0 if female else 1]), rng.choice(names[2])
    return Name(first, last, plain(first), plain(last), False)
