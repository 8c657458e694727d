"""Words and names for the questions: short real lists, and made-up ones so that no model can learn them by heart."""

from __future__ import annotations

import random


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = _split(
    """
    Ana Tom Eva Ben Lea Max Mia Leo Zoe Sam Ida Paul Nora Karl Lucy Omar Rosa Hugo Emma Ivan Lily Noah Aisha Peter
    Clara Jonas Maria Felix Laura Oscar Sofia Amir Yuki Chen Priya Kofi Amara Diego Elena Tariq
    """
)

OBJECTS = _split(
    """
    apples pens books cards balls stamps shells eggs nuts pears keys cups hats stones plums lamps cakes dolls beads
    rings roses chairs boats toys pencils marbles tickets buttons lemons spoons
    """
)

WORDS = _split(
    """
    apple bread chair dance earth flame grape house juice knife lemon mouse night ocean paper queen river stone table
    uncle voice water yacht zebra able acid bank bear bell bird blue boat bone book cake card cave city clay coal coat
    coin cold corn crow dark desk door dust east face farm fast fish flag foot fork frog game gate gift goat gold hand
    hill home horn iron jump keel king lake lamp leaf lion milk moon nest nose oven palm park pear pine rain ring road
    rock roof rose sail salt sand ship silk snow soap song star tail tent tree wall wave wind wing wolf wood wool yard
    animal basket bottle branch bridge butter button candle carpet castle circle coffee cotton dinner doctor dragon
    engine father finger flower forest friend garden hammer island jacket jungle kettle ladder letter market mirror
    monkey mother needle orange pencil pepper planet pocket potato rabbit ribbon rocket school shadow silver spring
    summer temple ticket tunnel valley violin window winter yellow balloon blanket cabbage chicken compass country
    curtain dolphin feather giraffe harvest journey kitchen lantern morning mystery octopus package penguin picture
    pumpkin rainbow science teacher thunder village weather whisper banana committee mississippi bookkeeper success
    balance elephant mountain notebook sandwich umbrella vegetable butterfly chocolate telephone adventure dictionary
    """
)

PLACES = (
    *_split(
        """
        Milan Naples Porto Seville Lyon Nice Bremen Krakow Bergen Malmo Tampere Zagora Mumbai Kolkata Pune Osaka Kyoto
        Sapporo Busan Chengdu Wuhan Karachi Lahore Basra Izmir Adana Aleppo Haifa Luxor Fez Kano Lagos Durban Mombasa
        Toronto Calgary Boston Chicago Houston Seattle Dallas Recife Manaus Cusco Cali Medellin Rosario Sydney Perth
        Auckland Glasgow Leeds Amazon Danube Volga Ganges Everest Sahara Alaska Florida Mississippi Massachusetts
        Philadelphia Johannesburg Zhengzhou Vladivostok Gdynia Szczecin
        """
    ),
    *("New York", "Los Angeles", "San Diego", "Rio Grande", "Santa Cruz", "Hong Kong", "Cape Town", "Sao Paulo"),
    *("Tel Aviv", "Punta Arenas", "Salt Lake City", "Novi Sad", "Da Nang", "Stoke-on-Trent", "Aix-en-Provence"),
    *("St. Louis", "Val d'Or", "Ho Chi Minh", "El Paso", "Kuala Perlis", "Port Said", "Las Vegas", "Le Havre"),
)
"""Real names, none of them a capital of a country: those are asked for at run time, unseen."""

ONSETS = (
    *(4 * _split("b d g k l m n p r s t") + 2 * _split("c f h j v w y z") + 4 * ("",)),
    *_split("bl br ch cl cr dr fr gl gr gw kh kr ky ll mb nd ng ph pl pr qu rh"),
    *_split("sc sh sk sl sn sp st str sv tb th tr ts tz x zh"),
)
NUCLEI = (*(3 * _split("a e i o u")), *_split("ai au ea ee ei ia ie io oa oo ou ua ue ui uu aa y"))
CODAS = (*(60 * ("",)), *_split("n r s l m t k d h n r s ng nn nt rd rk rt sh ss st th tt ch ck ll m p x z v b g"))
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LINKS = ("la", "de", "el", "of", "al", "au")


def person(rng: random.Random) -> str:
    """A first name, one in five made up."""
    return made_up(rng, rng.randint(3, 6)).capitalize() if rng.random() < 0.2 else rng.choice(PEOPLE)


def word(rng: random.Random, longest: int) -> str:
    """A lower-case word of three to `longest` letters, half of them made up."""
    if rng.random() < 0.5:
        return rng.choice([real for real in WORDS if len(real) <= longest])
    return made_up(rng, rng.randint(3, longest))


def name(rng: random.Random, longest: int) -> str:
    """A proper name of one to three words and at most `longest` letters, four in five made up."""
    if rng.random() < 0.2:
        return rng.choice([real for real in PLACES if len(real) <= longest])
    (count,) = rng.choices((1, 2, 3), weights=(65, 25, 10))
    if count == 1:
        lengths = [round(rng.triangular(3, longest, 7))]
    else:
        lengths = [rng.randint(2, longest // count) for _ in range(count)]
    parts = [made_up(rng, length).capitalize() for length in lengths]
    if count == 3 and rng.random() < 0.4:
        parts[1] = rng.choice(LINKS)
    joint = rng.choices((" ", "-"), weights=(85, 15))[0]
    text = joint.join(parts)
    return text if rng.random() < 0.96 else f"{text[0]}'{text[1:].capitalize()}"


def made_up(rng: random.Random, length: int) -> str:
    """Exactly `length` lower-case letters: syllables, or one time in eight letters at random."""
    if rng.random() < 0.125:
        return "".join(rng.choices(LETTERS, k=length))
    text = ""
    while len(text) < length:
        text += rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(CODAS)
    return text[:length]
