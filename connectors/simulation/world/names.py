"""Names of companies, people and places, and the several ways in which one company is spelled.

Belongs here: words. Not here: which customer gets them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Locale:
    """What names and addresses look like in a country."""

    country: str
    stems: tuple[str, ...]
    second: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    dialling: str
    domain: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


US = Locale(
    "US",
    _words(
        "Alder Birch Cedar Harbor Summit Granite Prairie Cascade Redwood Blue_Ridge Copper Silver_Lake "
        "Liberty Pioneer Keystone Evergreen Falcon Heron Juniper Lakeside Maple Northgate Oakmont Pinnacle "
        "Quarry Riverbend Stonewall Timber Union Valley Westbrook Yellowstone Anchor Beacon Canyon Delta "
        "Eagle Frontier Glacier Horizon Iron_Gate Jefferson Kestrel Lone_Star Meridian Nova Orchard "
        "Piedmont Ridgeway Sierra"
    ),
    _words("Point Creek Brothers & Hill Park Bay Field Gate Rock"),
    _words(
        "Logistics Manufacturing Supply Foods Medical Electronics Plastics Packaging Tools Dynamics "
        "Materials Systems Robotics Instruments Textiles Chemicals Energy Paper Aerospace Pharma Components "
        "Freight Hardware Labs"
    ),
    _words("Inc. LLC Corp. Ltd. Co. L.P."),
    _words(
        "Main_St Oak_Ave Industrial_Pkwy Market_St 5th_Ave Commerce_Dr Mill_Rd Harbor_Blvd Airport_Rd Washington_St"
    ),
    (
        ("Chicago", "60601"),
        ("Houston", "77002"),
        ("Cleveland", "44114"),
        ("Atlanta", "30303"),
        ("Denver", "80202"),
        ("Portland", "97201"),
        ("Boston", "02110"),
        ("St. Louis", "63101"),
        ("Phoenix", "85003"),
        ("Charlotte", "28202"),
    ),
    _words("James Mary Robert Linda Michael Susan David Karen Thomas Lisa Daniel Nancy Kevin Sandra Brian Ashley"),
    _words("Smith Johnson Brown Miller Davis Wilson Moore Taylor Clark Lewis Young King Wright Lopez Hill Scott"),
    "+1",
    "com",
)
DE = Locale(
    "DE",
    _words(
        "Müller Schäfer Böhm Krüger Weiß Jäger Köhler Schröder Grünwald Brandt Hofmann Lindner Vogel "
        "Ziegler Möller Förster Bäcker Kühn Lötz Steiner Rhein-Main Nordsee Alpenland Schwarzwald Elbtal "
        "Havel Isar Neckar Weser Ostwind Sauerland Eifel"
    ),
    _words("& Söhne & Partner Gebrüder-Werke Süd Nord West Zentrum International"),
    _words(
        "Maschinenbau Elektrotechnik Großhandel Werkzeuge Logistik Kunststoffe Feinmechanik Anlagenbau "
        "Medizintechnik Verpackung Stahlhandel Baustoffe Getränke Möbel Optik Chemie Fahrzeugteile "
        "Druckerei Holzwerke Pumpen"
    ),
    _words("GmbH AG KG GmbH_&_Co._KG e.K. SE OHG"),
    _words(
        "Hauptstraße Bahnhofstraße Industriestraße Gartenweg Lindenallee Am_Hafen Mühlenweg Schillerstraße Goethestraße"
    ),
    (
        ("Köln", "50667"),
        ("München", "80331"),
        ("Hamburg", "20095"),
        ("Stuttgart", "70173"),
        ("Düsseldorf", "40213"),
        ("Nürnberg", "90402"),
        ("Leipzig", "04109"),
        ("Bremen", "28195"),
        ("Lübeck", "23552"),
        ("Würzburg", "97070"),
    ),
    _words("Anna Jürgen Sabine Björn Ute Günther Katrin Stefan Heike Wolfgang Jörg Petra Lukas Miriam Sören Birgit"),
    _words(
        "Müller Schmidt Schneider Fischer Weber Wagner Becker Schulz Hoffmann Koch Bauer Richter Wolf "
        "Schröder Groß Krüger"
    ),
    "+49",
    "de",
)
JP = Locale(
    "JP",
    _words(
        "Yamato Sakura Fuji Hoshino Takara Kaneda Midori Nishikawa Asahi Minato Tsubasa Kiyomizu Aoyama "
        "Hamada Ishikari Kitano Murasaki Nagara Shinano Tokiwa"
    ),
    _words("Higashi Nishi Kita Minami Daiichi"),
    _words("Precision Trading Electric Marine Optical Foods Machinery Ceramics Textile Instruments Shipping Paper"),
    _words("K.K. Co.,_Ltd. G.K."),
    _words("Chuo-dori Meiji-dori Sakura-dori Midosuji Aoyama-dori"),
    (
        ("Tokyo", "100-0005"),
        ("Osaka", "530-0001"),
        ("Nagoya", "450-0002"),
        ("Yokohama", "220-0011"),
        ("Kobe", "650-0001"),
    ),
    _words("Haruto Yui Sota Aoi Ren Hina Yuto Sakura Kaito Mei"),
    _words("Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato"),
    "+81",
    "jp",
)
LOCALES = {locale.country: locale for locale in (US, DE, JP)}

_TRANSLITERATION = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "AE", "Ö": "OE", "Ü": "UE", "é": "e", "&": "+"}
)


def company_name(rng: Random, locale: Locale, taken: set[str]) -> str:
    """Return a company name that nobody has yet, and take it."""
    while True:
        stem, trade, form = rng.choice(locale.stems), rng.choice(locale.trades), rng.choice(locale.forms)
        name = f"{stem} {trade} {form}"
        if name in taken:
            second = rng.choice(locale.second)
            other = f"& {rng.choice(locale.last_names)}" if second == "&" else second
            name = f"{stem} {other} {trade} {form}"
        if name in taken:
            name = f"{stem} {trade} {rng.choice(locale.places)[0]} {form}"
        if name in taken:
            name = f"{stem} {trade} {rng.choice(locale.places)[0]} {rng.randrange(2, 999)} {form}"
        if name not in taken:
            taken.add(name)
            return name


def ascii_upper(text: str) -> str:
    """Write a name as bank systems do: capitals of the SWIFT character set, umlauts in two letters."""
    return text.translate(_TRANSLITERATION).upper()


def without_form(name: str, locale: Locale) -> str:
    """Return a company name without its legal form."""
    for form in sorted(locale.forms, key=len, reverse=True):
        if name.endswith(f" {form}"):
            return name[: -len(form) - 1]
    return name


def misspelled(rng: Random, name: str) -> str:
    """Return the name with one slip: a doubled, dropped or swapped letter."""
    spots = [n for n in range(1, len(name) - 1) if name[n].isalpha() and name[n + 1].isalpha()]
    at = rng.choice(spots)
    slip = rng.randrange(3)
    if slip == 0:
        return name[:at] + name[at] + name[at:]
    if slip == 1 or name[at] == name[at + 1]:
        return name[:at] + name[at + 1 :]
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def spellings(rng: Random, name: str, locale: Locale) -> tuple[str, ...]:
    """Return how a bank may write the name: in capitals, cut short, without its legal form, with a slip."""
    bare = without_form(name, locale)
    found = (ascii_upper(name), ascii_upper(name)[:27].rstrip(), ascii_upper(bare), ascii_upper(misspelled(rng, bare)))
    return tuple(dict.fromkeys(found))


def address(rng: Random, locale: Locale) -> tuple[str, str, str]:
    """Return street, city and postal code."""
    street, number = rng.choice(locale.streets), rng.randrange(1, 240)
    city, postal_code = rng.choice(locale.places)
    return (f"{street} {number}" if locale.country == "DE" else f"{number} {street}"), city, postal_code


def phone(rng: Random, locale: Locale) -> str:
    """Return a telephone number."""
    return f"{locale.dialling} {rng.randrange(200, 990)} {rng.randrange(1000000, 9999999)}"


def slug(name: str) -> str:
    """Return the part of a web domain that a company name gives."""
    return "".join(c for c in ascii_upper(name).lower() if c.isalnum())[:24]


def person(rng: Random, locale: Locale) -> tuple[str, str]:
    """Return first and last name."""
    return rng.choice(locale.first_names), rng.choice(locale.last_names)
