"""What people post about the shop, and a storm that hurts nobody's sales."""

from __future__ import annotations

import numpy as np

from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, pick, take, texts
from orchestration.sources.demo.missions import times_of_day
from orchestration.sources.demo.sizes import Size
from orchestration.sources.demo.story import Story

POSTS = 7.0  # a day
STORM_FACTOR = 10
TOPICS = ("lieferung", "qualitaet", "preis", "filiale", "service")
#: language -> sentiment (-1, 0, 1) -> topic -> sentence; `{p}` is a product word.
_TEXTS = {
    "de": {
        1: (
            "Lieferung von #lindenhof war schon am nächsten Tag da, super!",
            "Meine neue {p} von Lindenhof ist wunderschön verarbeitet 😍",
            "Richtig guter Preis für {p} bei #lindenhof, klare Empfehlung.",
            "War heute in der Filiale, sehr nette und kompetente Beratung 👍",
            "Der Kundenservice von Lindenhof hat mir schnell und freundlich geholfen. Danke!",
        ),
        0: (
            "Wann kommt eigentlich die Lieferung von #lindenhof?",
            "Hat jemand Erfahrung mit {p} von Lindenhof?",
            "Lindenhof hat gerade {p} im Prospekt.",
            "Die Filiale von #lindenhof hat am Samstag bis 20 Uhr auf.",
            "Lindenhof hat mir auf meine Frage zu {p} geantwortet: service@lindenhof.example",
        ),
        -1: (
            "Seit zwei Wochen keine Lieferung von #lindenhof. Enttäuschend 😡",
            "Die {p} von Lindenhof ist nach drei Tagen kaputt, schlechte Qualität.",
            "Viel zu teuer geworden, {p} kaufe ich nicht mehr bei #lindenhof.",
            "Lange Schlange in der Filiale und niemand half. Nie wieder!",
            "Der Service geht nicht ans Telefon 0341 5550123, das ist ärgerlich @lindenhof",
        ),
    },
    "en": {
        1: (
            "My #lindenhof parcel arrived a day early, great!",
            "Love my new {p} from Lindenhof, excellent quality 😍",
            "Good price on {p} at #lindenhof, recommended.",
            "Lovely staff at the Lindenhof store today 👍",
            "Quick and friendly support from Lindenhof, thank you!",
        ),
        0: (
            "Does #lindenhof deliver to Austria?",
            "Anyone tried the {p} from Lindenhof?",
            "Lindenhof has {p} in the new catalog.",
            "Is the Lindenhof store open on Saturday?",
            "Asked Lindenhof about {p}, will report back.",
        ),
        -1: (
            "Still waiting for my #lindenhof order, very disappointing 😡",
            "The {p} from Lindenhof broke after a week, poor quality.",
            "Way too expensive now, not buying {p} at #lindenhof again.",
            "Rude staff and a long queue at the store. Never again!",
            "Nobody answers at Lindenhof support, terrible @lindenhof",
        ),
    },
}
_STORM = {
    "de": "Unfassbar, was #lindenhof da in der Werbung macht. Boykott! 😡 #lindenhofboykott",
    "en": "Unbelievable advert by #lindenhof. Terrible, boycott! 😡 #lindenhofboykott",
}
_WORDS = ("Jacke", "Leuchte", "Pfanne", "Gartenliege", "Bluse", "Kopfhörer")


def make_posts(seed: int, size: Size, clock: Clock, story: Story) -> Columns:
    """Draw the posts.

    Returns
    -------
    Columns
        time (UTC seconds), author, language, sentiment (-1, 0, 1), topic, content (HTML), likes, reposts, replies,
        is_storm; sorted by time.
    """
    rng = generator(seed, "social")
    days = np.arange(clock.length)
    storm = (days >= story.storm[0]) & (days < story.storm[1])
    usual = rng.poisson(POSTS * size.social, clock.length)
    angry = rng.poisson(POSTS * size.social * (STORM_FACTOR - 1) * storm)
    day = np.r_[np.repeat(np.arange(clock.length), usual), np.repeat(np.arange(clock.length), angry)]
    count = len(day)
    is_storm = np.arange(count) >= usual.sum()
    sentiment = np.where(is_storm, -1, pick(rng, [0.26, 0.4, 0.34], count) - 1)
    topic = pick(rng, [0.25, 0.28, 0.17, 0.15, 0.15], count)
    language = np.where(rng.random(count) < 0.8, "de", "en")
    word = pick(rng, np.ones(len(_WORDS)), count)
    content = []
    for lang, mood, subject, w, stormy in zip(language, sentiment, topic, word, is_storm, strict=True):
        text = _STORM[lang] if stormy else _TEXTS[lang][int(mood)][subject].replace("{p}", _WORDS[w])
        text = text.replace("#lindenhof", '<a href="https://social.example/tags/lindenhof" class="mention hashtag">'
                                          "#<span>lindenhof</span></a>", 1)  # fmt: skip
        content.append(f"<p>{text}</p>")
    reach = rng.lognormal(0.8, 1.1, count) * np.where(is_storm, 4, 1)
    posts: Columns = {
        "time": clock.instant(day, times_of_day(rng, count).astype(np.int64)),
        "author": rng.integers(round(900 * max(size.social, 0.2)), size=count),
        "language": language,
        "sentiment": sentiment,
        "topic": texts(TOPICS)[topic],
        "content": texts(content),
        "likes": np.floor(reach * 2).astype(np.int64),
        "reposts": np.floor(reach * 0.7).astype(np.int64),
        "replies": rng.poisson(reach * 0.5),
        "is_storm": is_storm,
    }
    return take(posts, np.argsort(posts["time"], kind="stable"))
