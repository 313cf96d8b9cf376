"""The fields of a clean release, read from the stretches that were taken out of its body."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import msgspec

from streams.records import About, Caption, Contact, Label
from streams.stages.boilerplate_cues import Cues
from streams.text.dates import find_dates


class Part(msgspec.Struct, frozen=True):
    """A labelled stretch: a segment in the making, and what fields are read from."""

    label: Label
    sub: str
    text: str
    """Stripped."""
    heading: bool = False
    """It opens its part of the release and says nothing itself: `Media Contact`, `About Debian`."""
    start: int = 0
    end: int = 0
    evidence: str = ""


MAX_CONTACT_LINE = 1000
"""Characters: nobody's address is longer, and the patterns below look at every start."""

MAX_LEAD = 80
"""Characters of a heading that opens a paragraph: `About Acme: Acme makes ...`."""

SENTENCE = 60
"""Characters: a longer line that ends with a stop tells whom to ask in a sentence; its words name nobody's firm."""

MAX_HEADLINES = 20
"""Past so many, they are a list of other releases."""

EMAIL = re.compile(r"[\w.+'-]++(?:@|\s?\(at\)\s?|\s?\[at\]\s?)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[email.protected\]")
_PLAIN_SIGNS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９๐๑๒๓๔๕๖๗๘๙－＠＋（）", "0123456789" * 4 + "-@+()")
"""As long as what they stand for."""
_EMAIL_SIGNS = ("@", "(at)", "[at]", "[email")
_DIGIT = re.compile(r"\d")
PHONE = re.compile(
    r"\+\s?\d[\d\s()./–-]{6,20}\d|(?<![\d.@/#-])\(?0\d{1,4}\)?[\s./–-]{1,3}\d[\d\s./–-]{4,14}\d|"
    r"(?<![\d.@/#-])\(\d{2,4}\)\s?\d[\d\s.-]{4,12}\d|(?<![\d.@/#-])\d{3}[-.\s]\d{3}[-.]\d{4}(?!\d)|"
    r"(?<![\d.@/#-])[18][-\s.(]{1,2}\d{3}[-\s.)]{1,2}\d{2,3}[-.\s]\d{2,4}(?:[-.\s]\d{2,4})?(?!\d)|"
    r"(?<![\d.@/#-])\d{2,4}-\d{3,4}-\d{4}(?!\d)|(?<=\d)-\d{2,4}-\d{2,4}-\d{2,4}\+"
)
_NO_NAME = re.compile(
    r"(?:web\s?-?(?:site|seite|page)?s?|home ?page|internet|(?:sitio|página|pagina) web|"
    r"site(?: (?:web|internet))?|сайт|"
    r"laman web|situs(?: web)?|trang web|(?:ال)?موقع(?: (?:ال)?إلكتروني)?|웹사이트|홈페이지|이메일|เว็บไซต์|"
    r"อีเมล|e-?mails?|url|代表|直通|内線|(?:presse|medien)?kontakte?|(?:press|media) contacts?|contacts?(?: presse)?|"
    r"contactos?(?: de prensa)?|contatos?|контакты|連絡先|お問い合わせ先?|연락처|담당자?|联系方式|聯絡人|联系人|ติดต่อ|"
    r"liên hệ|kontak)|.*(?:網站|网站|官網|ホームページ|サイト)"
)
"""What a line calls an address, a number or itself: all of it, in lower case."""
_CALLED = re.compile(
    r"(?i)(?:(?<![^\W_])(?:tel|tél|telefono|teléfono|telefone?|téléphone|telp|telepon|phone|mobile?|móvil|celular|cell?|handy|"
    r"hotline|whatsapp|wa|h/?p|тел|телефон|моб|điện thoại|s?đt|di động|(?:ال)?هاتف|جوال|موبايل|ت)|"
    r"電話|电话|手機|手机|전화|연락처|휴대폰|☎|โทรศัพท์|โทร|มือถือ|สายด่วน)\.?\s?[:：.]?\s?"
    r"(?P<number>[+(]?\d(?:[\d\s()./–-]{5,22}|[\d-]{3,5})\d)(?!\d)"
)
"""A number that a word announces, however it is written."""

SHORT_PHONE = re.compile(r"(?i:call center|hotline|สายด่วน|โทร)\.?\s?(?:โทร\.?\s?)?(\d{4})(?!\d)")
_RTL_PHONE = re.compile(r"\d{3,4}-\d{2,4}-\d{2,4}-\d{1,3}\+")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_NUMBER_WORDS = (
    "tel", "telefon", "telefono", "teléfono", "telefone", "téléphone", "tél", "phone", "fax", "mobil", "mobile", "cell",
    "email", "e-mail", "emel", "e-mel", "courriel", "correo", "тел", "факс", "почта", "هاتف", "بريد", "電話", "电话",
    "電郵", "邮箱", "전화", "이메일", "โทรศัพท์", "โทรสาร", "โทร", "อีเมล", "điện thoại", "telepon", "telp", "faks", "ext",
)  # fmt: skip
"""What stands between a name and a number or an address."""
_NAME_CUTS = re.compile(f"(?i)(?<![^\\W_])(?:{'|'.join(_NUMBER_WORDS)})$")
_EDGES = " :：-–—.·/"
_FAX = re.compile(r"(?i)(?:fax|faks|факс|téléc\w*|传真|傳真|팩스|โทรสาร|فاكس)\W{0,3}$")
FAX_WITHIN = 20
"""Characters before its number: `télécopieur : `."""

_JOB = re.compile(
    r"director|manager|head of|officer|president|spokes|communications|relations|leiter|sprecher|referent|responsable|"
    r"directeur|directrice|gerente|assessor|директор|менеджер|руководитель|секретарь|部長|課長|经理|經理|主任|팀장|부장|"
    r"과장|차장|ผู้จัดการ|ผู้อำนวยการ|giám đốc|trưởng phòng|manajer|pengurus|pengarah|مدير|رئيس"
)
"""In lower case."""
_BETWEEN_WORDS = re.compile(r"[,，;|،]\s?|\s{2,}|[\t\u3000]")
_CONTACT_WORD = re.compile(r"^\s*[^:：]{2,30}[:：]\s*(?=\S)")
_INVESTOR = re.compile(
    r"inves(?:tor|tisseur|tidor)|invers(?:or|ion)|anleger|pelabur|инвестор|投[資资]|투자|nhà đầu tư|นักลงทุน|المستثمر|"
    r"ir\b(?<=\bir)"
)
_MEDIA = re.compile(
    r"med(?:ia|ien|ios)|média|mídia|press|prensa|humas|akhbar|сми|пресс|報道|広報|언론|홍보|媒[体體]|新[聞闻]|"
    r"truyền thông|báo chí|สื่อ|ประชาสัมพันธ์|إعلام|صحف|pers\b(?<=\bpers)"
)
"""Each word begins with a letter, so that the search runs from one such letter to the next."""

_DISTRIBUTORS = (
    ("seaprwire", "SeaPRwire"), ("prnewswire", "PR Newswire"), ("pr newswire", "PR Newswire"), ("美通社", "PR Newswire"),  # noqa: E501
    ("business wire", "Business Wire"), ("businesswire", "Business Wire"), ("globe newswire", "GlobeNewswire"),
    ("globenewswire", "GlobeNewswire"), ("media outreach", "Media OutReach"), ("media-outreach", "Media OutReach"),
    ("news aktuell", "news aktuell"), ("newsaktuell", "news aktuell"), ("(ots)", "news aktuell"), ("뉴스와이어", "뉴스와이어"),  # noqa: E501
    ("accesswire", "ACCESS Newswire"), ("access newswire", "ACCESS Newswire"), ("acn newswire", "ACN Newswire"),
    ("iwr-pressedienst", "iwr-pressedienst"), ("newsfile", "Newsfile"), ("cnw", "CNW"), ("eqs", "EQS"), ("asianet", "AsiaNet"),  # noqa: E501
)  # fmt: skip
_LEAD = re.compile(
    r"(?i)^[\W_]*(?:sources?|quellen?|herausgeber(?:in)?|fuentes?|fontes?|источники?|المصدر|ソース|出典|情報提供|출처|자료제공|제공|"
    r"(?:消息|稿件|资料|資料)?(?:来源|來源)|nguồn(?: tin)?|sumber|ที่มา|แหล่งที่มา|ข้อมูลข่าวโดย|original-?content von|原?标题)\s*[:：]?\s*"  # noqa: E501
)
_BY = re.compile(
    r"(?i)^(?:by|von|par|por|de|автор(?:ы)?|текст|oleh|penulis|editor|bởi|โดย|بقلم|كتب|حوار|文|記者|作者|记者|著者|執筆|autora?|autor|texto)[\s:：︱|/]+"
)
_SECTOR_LEAD = re.compile(r"^(?:.{0,60}(?i:category|categoria|kategori|categoría)|[^:：>]{2,30})\s?[:：>](?=\s?\S)")
_LIST_MARKS = re.compile(r"[,،、，;；|#/]|\s[·•]\s")
_AGENCY = (
    r"AP|AFP|Reuters|EPA(?:-EFE)?|EFE|dpa|Getty(?: Images)?|Xinhua|Bernama|Antara|Kyodo|TASS|Shutterstock|"
    r"연합뉴스|뉴시스|뉴스1|新华社|中央社|共同|時事|رويترز|أ ف ب"
)
_MARKED_CREDIT = (
    r"[(（\[]?\s?(?=(?i:[fpbigcqảф写사图圖ภص©(]))(?:(?i:fotos?|photos?|photograph|bild|ảnh|фото|写真|사진|图片|圖片|picture|"
    r"image|imagen|gambar|ภาพ|صورة|crédito|crédit|credit|quelle|cedida)\s?[:：=/]|"
    r"(?i:photo(?:graph)?|image|picture)s? (?:by|courtesy of)\s|©|\([Cc]\))\s?"
    r"(?P<after>[^()（）\[\]]{2,60}?)[)）\]]?\.?$|[(（](?P<inside>(?:AP|AFP|Reuters|EPA|dpa|Getty)[^()（）]{0,50}|Dok\.[^()]{2,30})[)）]"
)
"""First letters are asked first, which passes most places of a caption over: a new word adds its own."""
_CHINESE_OR_JAPANESE_CREDIT = (
    r"[（(](?P<bracketed>[^()（）]{1,14}?)(?:撮影|摄影?|攝影?)[）)]|"
    r"(?P<before>(?:[^\s。（(]{2,12}\s)?[^\s。，（(]{2,14}?)\s?(?:摄影?|攝影?|撮影|供图|供圖|提供)(?:[）)]|\s|$)"
)
_AGENCY_CREDIT = rf"[.。/]\s?(?P<agency>{_AGENCY})$"
_CREDIT = re.compile(f"{_MARKED_CREDIT}|{_AGENCY_CREDIT}")
_CREDIT_AFTER_NAME = re.compile(f"{_MARKED_CREDIT}|{_CHINESE_OR_JAPANESE_CREDIT}|{_AGENCY_CREDIT}")
_SHOT_OR_GIVEN = re.compile("[摄攝撮供]")
"""`before` tries every beginning of a name, so it is left to the captions that hold one of its words."""
_ZONE = re.compile(
    r"(?i)(?<![^\W_])(?:(?:GMT|UTC)\s?(?P<hours>[+-]\d{1,2})?|(?P<name>EST|EDT|ET|CST|CDT|MST|MDT|PST|PDT|PT|BST|CET|CEST|MEZ|MESZ|JST|KST|HKT|SGT|MYT|ICT|WIB|MSK))(?![^\W_])"
)
_ZONES = {
    "EST": -5, "EDT": -4, "ET": -5, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "PT": -8, "BST": 1, "CET": 1,  # noqa: E501
    "CEST": 2, "MEZ": 1, "MESZ": 2, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "MYT": 8, "ICT": 7, "WIB": 7, "MSK": 3,
}  # fmt: skip
_LATEST_ZONE = -12
"""Hours east of UTC: where a text names no zone, its hour is taken to come as late as anywhere on Earth."""
_CLOCK = re.compile(
    r"(?<!\d)(?P<h>\d{1,2})[:.h時点시]\s?(?P<m>\d\d)?\s?(?P<half>(?i:[ap])\.?m\.?)?(?!\d)|(?<!\d)(?P<hm>[012]\d[0-5]\d)(?=\s+(?:pada|hrs|hours|Uhr))|(?<!\d)(?P<h2>\d{1,2})\s?(?P<half2>(?i:[ap])\.?m\.?)"
)


def choose_title(headlines: Sequence[str]) -> str:
    """Of headlines that repeat each other, with and without the site's name, choose the plainest that is whole."""
    if len(headlines) < 2:
        return "".join(headlines)
    folded = [" ".join(text.casefold().split()) for text in headlines[:MAX_HEADLINES]]

    def likeness(number: int) -> tuple[int, int]:
        own = folded[number]
        inside = sum(own in other for at, other in enumerate(folded) if at != number)
        return inside, -number

    return headlines[max(range(len(folded)), key=likeness)]


def read_abouts(parts: Iterable[Part], cues: Cues) -> tuple[About, ...]:
    """One entry for each heading: the organisation it names, and the lines below."""
    abouts: list[tuple[str, list[str]]] = []
    for part in parts:
        heading, _, rest = part.text.partition(":") if ":" in part.text[:MAX_LEAD] else ("", "", part.text)
        heading = part.text if part.heading else heading
        name = cues.name_in(heading) if heading else ""
        if part.heading or name or not abouts:
            abouts.append((name, [] if part.heading else [rest.strip() if name else part.text]))
        else:
            abouts[-1][1].append(part.text)
    return tuple(About(organisation=name, text="\n".join(lines)) for name, lines in abouts)


@dataclass(slots=True)
class _Draft:
    role: str = ""
    name: str = ""
    organisation: str = ""
    phone: str = ""
    email: str = ""
    spare: list[str] = field(default_factory=list)


_Found = tuple[int, int, str, str]
"""Start, end, kind and value of something in a contact line."""


def read_contacts(parts: Iterable[Part]) -> tuple[Contact, ...]:
    """Sort contact lines into people: a heading, a second name, e-mail or number of a kind begins the next one."""
    drafts: list[_Draft] = []
    role = ""
    for part in parts:
        text = part.text[:MAX_CONTACT_LINE]
        own_role = contact_role(text)
        if part.heading or part.sub in {"media_contact", "investor_contact"}:
            role = own_role or role
        pieces = _pieces(text)
        if part.heading and all(kind == "words" for kind, _ in pieces):
            drafts.append(_Draft(role=role))
            continue
        draft = drafts[-1] if drafts and not part.heading else None
        told = len(part.text) > SENTENCE and part.text.endswith((".", "。"))
        for number, (kind, value) in enumerate(pieces):
            between = number and draft and (draft.phone or draft.email)  # `ext. 12 or`, among somebody's numbers
            if kind == "words" and (told or between) and not _is_person(value):
                continue
            if draft is None or _full(draft, kind):
                draft = _Draft(role=own_role or role)
                drafts.append(draft)
            draft.role = draft.role or own_role
            if kind == "words":
                draft.spare.append(value)
            elif not getattr(draft, kind):  # of several numbers, the first
                setattr(draft, kind, value)
    return tuple(contact for draft in drafts if (contact := _contact(draft)))


def contact_role(text: str) -> str:
    """`media`, `investor` or nothing."""
    lower = text.lower()
    if _INVESTOR.search(lower):
        return "investor"
    return "media" if _MEDIA.search(lower) else ""


def _pieces(text: str) -> list[tuple[str, str]]:
    """Cut a contact line into e-mails, numbers and words, in order."""
    if text.replace(" ", "").isalpha() and "  " not in text:  # half of them are a name
        return [("words", words)] if (words := _named(text)) else []
    if not text.isascii():
        text = text.translate(_PLAIN_SIGNS)
    found: list[_Found] = []
    if any(map(text.__contains__, _EMAIL_SIGNS)):
        found += [(match.start(), match.end(), "email", _email(match.group())) for match in EMAIL.finditer(text)]
    if _DIGIT.search(text):
        _find_numbers(text, found)
    if "://" in text or "www." in text:
        found += [(match.start(), match.end(), "url", match.group()) for match in _URL.finditer(text)]
    pieces: list[tuple[str, str]] = []
    at = 0
    for start, end, kind, value in [*sorted(found), (len(text), len(text), "", "")]:
        between = text[at:start].strip(" \t,;:：،，、·|-–—<>()（）")
        if between and start >= at:
            for words in _BETWEEN_WORDS.split(between):
                if ":" in words or "：" in words:
                    words = _CONTACT_WORD.sub("", words)
                if words := _named(words):
                    pieces.append(("words", words))
        if kind in {"email", "phone"} and start >= at:
            pieces.append((kind, value))
        at = max(at, end)
    return pieces


def _named(text: str) -> str:
    """The name in words of a contact line, without the word for a number that follows; empty where there is none."""
    words = text.strip(_EDGES)
    lower = words.lower()
    if lower.endswith(_NUMBER_WORDS):
        words = _NAME_CUTS.sub("", words).strip(_EDGES)
        lower = words.lower()
    return words if len(words) > 1 and not words.isdigit() and not _NO_NAME.fullmatch(lower) else ""


def _find_numbers(text: str, found: list[_Found]) -> None:
    """Add the numbers of a contact line to what was found in it."""
    for match in _CALLED.finditer(text):
        start, end = match.span("number")
        if not _FAX.search(text, max(0, start - FAX_WITHIN), start):
            found.append((start, end, "phone", _phone(match["number"], text, start)))
    for match in PHONE.finditer(text):
        if _FAX.search(text, max(0, match.start() - FAX_WITHIN), match.start()):
            found.append((match.start(), match.end(), "fax", ""))
        elif not any(start <= match.start() < end for start, end, *_ in found):
            found.append((match.start(), match.end(), "phone", _phone(match[0], text, match.start())))
    if not any(kind == "phone" for *_, kind, _ in found) and (short := SHORT_PHONE.search(text)):
        found.append((short.start(1), short.end(1), "phone", short[1]))


def _email(text: str) -> str:
    return re.sub(r"\s?[(\[]at[)\]]\s?", "@", text).strip("'.-")


def _phone(printed: str, text: str, at: int) -> str:
    """The number as printed; right-to-left text shows `+82-51-555-0100` turned round."""
    turned = _RTL_PHONE.search(text)
    if turned and turned.start() <= at < turned.end():
        return "-".join(reversed(turned.group().rstrip("+").split("-"))).join(("+", ""))
    number = printed.strip(" .-–/")
    return " ".join((number if ")" in number else number.strip("(")).split())


def _full(draft: _Draft, kind: str) -> bool:
    """Say whether a further piece of this kind must belong to somebody else."""
    if kind == "words":
        return bool(draft.email or draft.phone) and not (draft.email == "" and len(draft.spare) < 1)
    return kind == "email" and bool(draft.email)


def _contact(draft: _Draft) -> Contact | None:
    names = [words for words in draft.spare if not _URL.match(words)]
    person = next(filter(_is_person, names), "")
    if not (draft.email or draft.phone or person):
        return None
    others = (words for words in names if words != person and not any(map(str.isdigit, words)))
    organisation = next((words for words in others if not _JOB.search(words.lower())), "")
    return Contact(role=draft.role, name=person, organisation=organisation, phone=draft.phone, email=draft.email)


_TITLES = re.compile(
    r"(?i)\b(?:inc|ltd|corp|gmbh|ag|se|e\.v|team|office|relations|press|presse|media|medien|contact|kontakt|contacto|department|pressestelle|group|bank|university|redaktion|pr|the)\b"
)


_HONORIFIC = re.compile(
    r"^(?:คุณ|นาย|นางสาว|นาง|ดร\.|"
    r"(?:Mr\.?|Ms\.?|Mrs\.?|Dr\.?|Herr|Frau|M\.|Mme|Sr\.?|Sra\.?|Ông|Bà|Bapak|Ibu|Encik|Puan) )"
)
MAX_NAME = 40
"""Characters of a person's name with its honorific."""


def _is_person(words: str) -> bool:
    """Two to four words of letters with capitals, none of a company; or an honorific; or a short East Asian name."""
    if len(words) <= MAX_NAME and _HONORIFIC.match(words):
        return True
    parts = words.split()
    if words.isascii() or any(map(str.isupper, words)):
        shaped = 2 <= len(parts) <= 4 and all(part[0].isupper() or len(part) <= 3 for part in parts)
    else:
        shaped = len(words) <= 12 and len(parts) <= 3
    return shaped and not (any(map(str.isdigit, words)) or _JOB.search(words.lower()) or _TITLES.search(words))


def read_source(text: str) -> str:
    """The issuer or agency that a source line names, without the word for source."""
    stripped = _LEAD.sub("", text).strip(" \t-–—:：【】")
    return re.split(r",\s?übermittelt durch", stripped)[0] or text


def read_byline(text: str) -> str:
    """The author that a byline names, without the word for by."""
    return _BY.sub("", text).strip(" ()（）【】[]")


def read_sectors(parts: Iterable[Part]) -> tuple[str, ...]:
    """The sectors, tags or keywords, in order, each once."""
    words: dict[str, None] = {}
    for part in parts:
        text = part.text if part.text.startswith("#") else _SECTOR_LEAD.sub("", part.text)
        if part.heading:
            continue
        for word in _LIST_MARKS.split(text):
            if word := word.strip(" \t.:#[]"):
                words.setdefault(word)
    return tuple(words)


def read_caption(text: str) -> Caption:
    """A caption and, where it names one, its credit."""
    match = (_CREDIT_AFTER_NAME if _SHOT_OR_GIVEN.search(text) else _CREDIT).search(text)
    credit = next(filter(None, match.groups()), "") if match else ""
    return Caption(text=text, credit=credit.strip(" .,)）"))


def distributor_of(texts: Iterable[str]) -> str:
    """The distributor that a dateline, disclaimer or distributor paragraph names."""
    joined = "\n".join(texts).casefold()
    found = [(joined.find(word), name) for word, name in _DISTRIBUTORS if word in joined]
    return min(found)[1] if found else ""


def embargo_end(notice: str) -> datetime | None:
    """When an embargo notice says that it ends; a notice without a date says nothing."""
    dates = [date for date in find_dates(notice) if not date.iso.startswith("--")]
    if not dates:
        return None
    rest = notice[: dates[-1].start] + " " * (dates[-1].end - dates[-1].start) + notice[dates[-1].end :]
    clock = _CLOCK.search(rest)
    hour, minute = _clock(clock) if clock else (24, 0)
    zone = _ZONE.search(rest)
    offset = _LATEST_ZONE
    if zone:
        offset = _ZONES[zone["name"].upper()] if zone["name"] else int(zone["hours"] or 0)
    day = datetime.fromisoformat(dates[-1].iso).replace(tzinfo=timezone(timedelta(hours=max(-12, min(14, offset)))))
    return day + timedelta(hours=hour, minutes=minute)


def _clock(match: re.Match[str]) -> tuple[int, int]:
    if match["hm"]:
        return int(match["hm"][:2]), int(match["hm"][2:])
    hour = int(match["h"] or match["h2"])
    half = (match["half"] or match["half2"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    return min(hour, 24), int(match["m"] or 0)


_GAPS = (
    ("<", re.compile("<>"), 0),
    ("(", re.compile(r"\(\s*\)"), 0),
    ("«", re.compile(r"«\s*»"), 0),
    ("“", re.compile(r"“\s*”"), 0),
    (" ,", re.compile(r",(?<=\s,)(?:(?<=\w\s,)(?=\s|$)|(?<=ـ\s,))"), -1),
    ("،", re.compile(r"،(?<=\s،)(?:(?<=\w\s،)(?=\s|$)|(?<=ـ\s،))"), -1),
    ("ـ", re.compile(r"\.(?<=ـ\s\.)"), -1),
    ("م", re.compile(r"م(?<=\sم)(?:ع (?=(?:في|من|إلى|على)\s)|ن (?=(?:في|إلى|على)\s))"), len("مع ")),
)
"""Where an anchor was stripped with its text: empty brackets, a blank before a comma, an article or preposition that
stands before another one (seed release: "لم يذكر كيم الـ ، بحسب", "لي جاي ميونغ مع في واشنطن"). Each shape has a sign
that it cannot do without and begins with a letter, both for speed, and says how far from there the gap is."""


def text_gaps(body: str) -> tuple[int, ...]:
    """Offsets in the body where the text of a link was lost upstream."""
    return tuple(
        sorted([match.start() + on for sign, gap, on in _GAPS if sign in body for match in gap.finditer(body)])
    )


def joined(parts: Iterable[Part]) -> str:
    """Texts of parts, one a line."""
    return "\n".join([part.text for part in parts])


def grouped(parts: Iterable[Part], key: Callable[[Part], str]) -> dict[str, list[Part]]:
    """Parts by a word of theirs, in order."""
    groups: defaultdict[str, list[Part]] = defaultdict(list)
    for part in parts:
        groups[key(part)].append(part)
    return groups
