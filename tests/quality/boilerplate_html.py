"""The annotated releases as web pages: what `read_html` and `strip_boilerplate` keep of them, line by line.

There is no annotated original HTML to be had, so each release is set into pages of several makes, with the furniture
that such pages have: menus, a cookie banner, share buttons, teasers of other articles, a sign-up, a footer, a comment
form. `TUNED` templates may be looked at when the stage is worked on; those of `ASIDE`, whose banner and sign-up have
other words, are for measuring only.
"""

import html
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.codec import recast
from streams.formats.html import read_markup
from streams.records import IdentifiedRelease
from streams.stages.strip_boilerplate import BoilerplateKit, strip_boilerplate

SEED = 4
MIN_INSIDE = 40
"""Characters of a line from which on it counts as kept where it stands inside a longer one of the output."""

FURNITURE = Path(__file__).with_name("page_furniture.json")
"""By language: menu, cookies, share, related, signup, footer, comment, teasers. Invented."""


@dataclass(frozen=True)
class Row:
    """A line of a page, and whether it is of the release's body."""

    text: str
    label: str

    @property
    def html(self) -> str:
        """The line as HTML text."""
        return html.escape(self.text, quote=False)


@dataclass(frozen=True)
class Content:
    """What a template lays out."""

    language: str
    title: str
    above: tuple[Row, ...]
    """The page's own lines above the article."""
    article: tuple[Row, ...]
    below: tuple[Row, ...]
    menu: tuple[Row, ...]
    cookies: tuple[Row, ...]
    share: tuple[Row, ...]
    related: tuple[Row, ...]
    """A heading and teasers."""
    signup: tuple[Row, ...]
    footer: tuple[Row, ...]
    comment: tuple[Row, ...]


Template = Callable[[Content], str]


def contents(releases: Sequence[Mapping[str, Any]], *, aside: bool = True) -> Iterator[Content]:
    """Set every release among the furniture of its language, with titles of the others as teasers."""
    furniture = json.loads(FURNITURE.read_text(encoding="utf-8"))
    rng = random.Random(SEED)
    for release in releases:
        language = release["lang"]
        rows = [Row(" ".join(line["text"].split()), line["label"]) for line in release["lines"]]
        rows = [row for row in rows if row.text]
        inside = [number for number, row in enumerate(rows) if row.label in {"headline", "body", "subheadline"}]
        first, last = (inside[0], inside[-1] + 1) if inside else (0, len(rows))
        last = next((n for n in range(last, len(rows)) if rows[n].label == "navigation"), len(rows))
        own = furniture[language]
        cookies, signup = ("cookies_aside", "signup_aside") if aside else ("cookies", "signup")
        titles = [other["title"] for other in releases if other is not release and other["lang"] == language]
        teasers = rng.sample(own["teasers"], 3) + [" ".join(title.split()) for title in titles[:2]]

        def made(words: Iterable[str]) -> tuple[Row, ...]:
            return tuple(Row(word, "navigation") for word in words)

        yield Content(
            language=language,
            title=" ".join(release["title"].split()),
            above=tuple(rows[:first]),
            article=tuple(rows[first:last]),
            below=tuple(rows[last:]),
            menu=made(own["menu"]),
            cookies=made(own[cookies]),
            share=made(own["share"]),
            related=made([own["related"], *teasers]),
            signup=made(own[signup]),
            footer=made(own["footer"]),
            comment=made(own["comment"]),
        )


def rows_of(content: Content) -> list[Row]:
    """Every line of a page, in no order."""
    parts = (
        content.above, content.article, content.below, content.menu, content.cookies, content.share, content.related,
        content.signup, content.footer, content.comment,
    )  # fmt: skip
    return [row for part in parts for row in part]


def our_lines(page: str, language: str, kit: BoilerplateKit) -> list[str]:
    """The lines that the stage keeps of a page."""
    release = recast(read_markup(page), IdentifiedRelease, language=language)
    return strip_boilerplate(release, kit).body.split("\n")


def kept(rows: Iterable[Row], output: Sequence[str]) -> list[tuple[Row, bool]]:
    """For every line of a page, whether an extractor's output has it. The same for every extractor."""
    lines = {_fold(line) for line in output}
    whole = "\n".join(lines)
    folded = [(row, _fold(row.text)) for row in rows]
    return [(row, text in lines or (len(text) > MIN_INSIDE and text in whole)) for row, text in folded]


def _fold(text: str) -> str:
    return "".join(text.split()).lower()


def _p(rows: Iterable[Row], tag: str = "p", attributes: str = "") -> str:
    return "\n".join(f"<{tag}{attributes}>{row.html}</{tag}>" for row in rows)


def _links(rows: Iterable[Row], item: str = "li") -> str:
    return "\n".join(f'<{item}><a href="/x">{row.html}</a></{item}>' for row in rows)


def _page(content: Content, body: str, head: str = "") -> str:
    return (
        f'<!DOCTYPE html><html lang="{content.language}"><head><meta charset="utf-8">'
        f"<title>{html.escape(content.title)} | Acme News</title>{head}<style>p{{margin:0}}</style></head>"
        f"<body>{body}<script>var a = 1;</script></body></html>"
    )


def _laid(rows: Sequence[Row], tags: dict[str, str]) -> str:
    """The article's lines, each in the element for its label: `{}` stands for the text."""
    pieces, first = [], True
    for row in rows:
        label = row.label
        if label == "headline":
            label = "headline" if first else "headline again"
            first = False
        elif label == "body" and len(row.text) < 70 and not row.text.endswith((".", "。", "?", "!")):
            label = "heading"
        pieces.append((tags.get(label) or tags["body"]).replace("{}", row.html))
    return "\n".join(pieces)


def weblog(c: Content) -> str:
    """The most common blog system, as it comes."""
    article = _laid(
        c.article,
        {
            "headline": '<h1 class="entry-title">{}</h1>',
            "headline again": '<p class="wp-block">{}</p>',
            "body": "<p>{}</p>",
            "heading": "<h2>{}</h2>",
            "caption": '<figcaption class="wp-caption-text">{}</figcaption>',
            "navigation": '<div class="sharedaddy">{}</div>',
            "dateline": '<span class="posted-on">{}</span><br>',
            "sectors": '<span class="tags-links"><a href="/t">{}</a></span><br>',
            "other": "<p><em>{}</em></p>",
        },
    )
    return _page(
        c,
        f"""
<div id="cookie-law-info-bar">{_p(c.cookies)}</div>
<header class="site-header" id="masthead"><nav class="main-navigation"><ul class="menu">{_links(c.menu)}</ul></nav>
{_p(c.above, "div", ' class="top-bar"')}</header>
<main class="site-main"><article class="post hentry"><div class="entry-content">{article}</div>
<div class="sharedaddy sd-sharing-enabled"><ul>{_links(c.share)}</ul></div></article>
<div class="jp-relatedposts">{_p(c.related[:1], "h3")}{_links(c.related[1:], "p")}</div>
<div id="comments" class="comment-respond">{_p(c.comment)}</div></main>
<aside class="widget-area">{_p(c.signup)}{_p(c.below, "div")}</aside>
<footer class="site-footer">{_p(c.footer)}</footer>""",
    )


def newsroom(c: Content) -> str:
    """A company's newsroom on a grid of divisions."""
    article = _laid(
        c.article,
        {
            "headline": '<div class="row"><h1 class="module_headline">{}</h1></div>',
            "body": '<div class="module_body"><p>{}</p></div>',
            "heading": '<p class="module_body"><strong>{}</strong></p>',
            "caption": '<div class="media-caption">{}</div>',
            "contact": '<div class="press-contact"><p>{}</p></div>',
            "about": '<div class="boilerplate"><p>{}</p></div>',
            "dateline": '<div class="module_date-time">{}</div>',
        },
    )
    return _page(
        c,
        f"""
<div class="navbar"><div class="container"><ul class="nav navbar-nav">{_links(c.menu)}</ul></div></div>
<div class="container breadcrumb">{_p(c.above, "span")}</div>
<div class="container"><div class="col-md-8"><div class="module module-details">{article}</div>
<div class="module_share">{_p(c.share, "button")}</div></div>
<div class="col-md-4"><div class="module_related">{_p(c.related[:1], "h4")}{_links(c.related[1:], "div")}</div>
<div class="module_subscribe">{_p(c.signup)}</div></div></div>
<div class="footer"><div class="container">{_p(c.below, "div")}{_p(c.footer, "span")}</div></div>
<div class="cookie-consent">{_p(c.cookies)}{_p(c.comment)}</div>""",
    )


def portal(c: Content) -> str:
    """A news portal with class names of a component library, made by machine."""
    article = _laid(
        c.article,
        {
            "headline": '<h1 class="css-1l8buln e1h9rw200">{}</h1>',
            "body": '<p class="css-at9mc1 evys1bk0">{}</p>',
            "heading": '<h2 class="css-13o6u42 eoo0vm40">{}</h2>',
            "caption": '<div class="css-jevhma e13ogyst0"><span>{}</span></div>',
            "navigation": '<div class="css-10cldcv"><a href="/r">{}</a></div>',
            "sectors": '<div class="css-4w91ra"><a href="/s">{}</a></div>',
        },
    )
    return _page(
        c,
        f"""
<div id="app"><div class="css-1waixk9"><div class="css-1f7ibof">{_links(c.menu, "div")}</div></div>
<div class="css-k1w2q">{_p(c.above, "div")}</div>
<div class="css-1vkm6nb ehdk2mb0">{article}</div>
<div class="css-79elbk">{_p(c.share, "div")}</div>
<div class="css-13o0c9t">{_p(c.related[:1], "div")}{_links(c.related[1:], "div")}</div>
<div class="css-qkxw1c">{_p(c.signup, "div")}</div><div class="css-9sl6v">{_p(c.comment, "div")}</div>
<div class="css-1qv0yc">{_p(c.below, "div")}</div><div class="css-1e1s8k7">{_p(c.footer, "div")}</div></div>
<div id="gdpr-root"><div class="css-q9f">{_p(c.cookies, "div")}</div></div>""",
    )


def tables(c: Content) -> str:
    """A page of the nineties: tables within tables, line breaks, no class names."""
    article = _laid(
        c.article,
        {
            "headline": '<font size="5"><b>{}</b></font><br><br>',
            "body": "{}<br><br>",
            "caption": "<i>{}</i><br>",
            "heading": "<b>{}</b><br>",
            "dateline": '<font size="1">{}</font><br>',
        },
    )
    return _page(
        c,
        f"""
<table width="100%"><tr>{_links(c.menu, "td")}</tr></table>
<table><tr><td valign="top" width="160">{"<br>".join(f'<a href="x.htm">{row.html}</a>' for row in c.above)}</td>
<td valign="top">{article}</td></tr></table>
<table><tr><td>{"<br>".join(f'<a href="y.htm">{row.html}</a>' for row in c.related)}</td></tr></table>
<center>{"<br>".join(row.html for row in (*c.share, *c.signup, *c.comment))}<br>
{"<br>".join(row.html for row in c.below)}<br>{"<br>".join(f"<small>{row.html}</small>" for row in c.footer)}</center>
<div>{"<br>".join(row.html for row in c.cookies)}</div>""",
    )


def utility(c: Content) -> str:
    """Utility class names that say how a thing looks and never what it is; the sign-up stands inside the article."""
    half = len(c.article) // 2
    tags = {
        "headline": '<div class="text-4xl font-bold mb-4">{}</div>',
        "body": '<div class="mt-4 leading-7 text-gray-800">{}</div>',
        "heading": '<div class="mt-8 text-xl font-semibold">{}</div>',
        "caption": '<div class="text-xs text-gray-500">{}</div>',
        "navigation": '<div class="mt-2 text-sm underline"><a href="/u">{}</a></div>',
    }
    return _page(
        c,
        f"""
<div class="fixed bottom-0 p-4 bg-white shadow">{_p(c.cookies, "div")}</div>
<div class="flex gap-6 h-16">{_links(c.menu, "span")}</div>
<div class="flex flex-col">{_p(c.above, "div", ' class="px-2"')}</div>
<div class="max-w-2xl mx-auto">{_laid(c.article[:half], tags)}
<div class="my-6 p-6 rounded-lg bg-blue-50">{_p(c.signup, "div")}</div>{_laid(c.article[half:], tags)}
<div class="flex gap-2">{_p(c.share, "div", ' class="rounded-full"')}</div></div>
<div class="grid grid-cols-3">{_p(c.related[:1], "div")}{_links(c.related[1:], "div")}</div>
<div class="mt-12">{_p(c.comment, "div")}{_p(c.below, "div")}</div>
<div class="bg-gray-900 text-white">{_p(c.footer, "div")}</div>""",
    )


def gazette(c: Content) -> str:
    """A newspaper with class names in its own language, teasers above the article and a sidebar before it."""
    article = _laid(
        c.article,
        {
            "headline": '<h1 class="artikel__titel">{}</h1>',
            "body": '<p class="artikel__absatz">{}</p>',
            "heading": '<h3 class="artikel__zwischentitel">{}</h3>',
            "caption": '<p class="bild__unterschrift">{}</p>',
            "dateline": '<p class="artikel__datum">{}</p>',
            "navigation": '<p class="verweis"><a href="/m">{}</a></p>',
            "sectors": '<a class="schlagwort" href="/s">{}</a> ',
        },
    )
    return _page(
        c,
        f"""
<div class="kopf"><ul class="hauptmenue">{_links(c.menu)}</ul>{_p(c.above, "div", ' class="zeile"')}</div>
<div class="anreisser">{_p(c.related[:1], "h2")}{_links(c.related[1:], "h3")}</div>
<div class="spalte-rechts">{_p(c.signup)}<ul>{_links(c.share)}</ul></div>
<div class="artikel">{article}</div>
<div class="leserstimmen">{_p(c.comment)}</div><div class="fuss">{_p(c.below, "div")}{_p(c.footer)}</div>
<div class="hinweis">{_p(c.cookies)}</div>""",
    )


def bare(c: Content) -> str:
    """Divisions and paragraphs with neither class names nor links."""
    parts = (c.menu, c.above, c.article, c.share, c.related, c.signup, c.comment, c.below, c.footer, c.cookies)
    return _page(c, "".join(f"<div>{_p(part, 'div')}</div>" for part in parts))


def magazine(c: Content) -> str:
    """HTML 5 as the book has it, with teasers inside the article and a cookie banner first."""
    third = max(1, len(c.article) // 3)
    tags = {
        "headline": "<header><h1>{}</h1></header>",
        "body": "<p>{}</p>",
        "heading": "<h2>{}</h2>",
        "caption": "<figure><img src=x><figcaption>{}</figcaption></figure>",
        "dateline": "<time>{}</time>",
        "contact": "<address>{}</address>",
        "navigation": "<aside><a href=/n>{}</a></aside>",
    }
    return _page(
        c,
        f"""
<dialog open>{_p(c.cookies)}</dialog><header><nav><ul>{_links(c.menu)}</ul></nav>{_p(c.above, "div")}</header>
<main><article>{_laid(c.article[:third], tags)}
<aside>{_p(c.related[:1], "h4")}<ul>{_links(c.related[1:])}</ul></aside>{_laid(c.article[third:], tags)}</article>
<section>{_p(c.share, "button")}{_p(c.signup)}{_p(c.comment)}</section></main>
<footer>{_p(c.below, "div")}{_p(c.footer)}</footer>""",
    )


TUNED: dict[str, Template] = {"weblog": weblog, "newsroom": newsroom, "magazine": magazine}
ASIDE: dict[str, Template] = {
    "portal": portal,
    "tables": tables,
    "utility": utility,
    "gazette": gazette,
    "bare": bare,
}
