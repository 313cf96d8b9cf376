"""What the fields of a clean release say, read from lines that were taken out of its body."""

import pytest

from streams.stages.boilerplate_fields import Part, read_caption, read_contacts, read_sectors


@pytest.mark.parametrize(
    ("caption", "credit"),
    [
        ("Foto: Galli/Malteser", "Galli/Malteser"),
        ("© Oli Scarff/Getty Images", "Oli Scarff/Getty Images"),
        ("Fans wait in the rain. (AP Photo/Darron Cummings)", "AP Photo/Darron Cummings"),
        ("Vista da cidade (Foto: Tony Silva/Ascom-PC)", "Tony Silva/Ascom-PC"),
        ("Фото: Дмитрий Азаров, Коммерсантъ", "Дмитрий Азаров, Коммерсантъ"),
        ("駅前に並ぶ人たち（潟沼義樹撮影）", "潟沼義樹"),
        ("전국자치분권민주지도자회의에서 인사하고 있다. 뉴스1", "뉴스1"),
        ("圖為民眾購買雞蛋。中央社記者張新偉攝 112年2月16日", "中央社記者張新偉"),
        ("Bác sĩ nội soi. Ảnh: Bệnh viện cung cấp", "Bệnh viện cung cấp"),
        ("Image courtesy of Acme", "Acme"),
        ("The image of Acme: strong and clear", ""),
        ("Jo Doe at the plant", ""),
    ],
)
def test_a_caption_gives_its_credit(caption: str, credit: str) -> None:
    assert read_caption(caption).credit == credit


@pytest.mark.parametrize(
    ("line", "sectors"),
    [
        ("Sectors: Top Story, Daily News", ("Top Story", "Daily News")),
        ("News date : 04/21/2022 Category : Press Releases", ("Press Releases",)),
        ("Mots-clés > Services publics, Transports", ("Services publics", "Transports")),
        ("#鄭文燦 #農委會", ("鄭文燦", "農委會")),
        ("関連キーワード：教育、大学", ("教育", "大学")),
        ("ข่าว / การเมือง", ("ข่าว", "การเมือง")),
    ],
)
def test_sectors_are_what_a_list_names_without_its_heading(line: str, sectors: tuple[str, ...]) -> None:
    assert read_sectors([Part("sectors", "", line)]) == sectors


@pytest.mark.parametrize(
    ("lines", "contacts"),
    [
        (
            [
                "Media Contact",
                "Jo Doe",
                "Director of Communications",
                "Acme Robotics",
                "+1 (212) 555-0100",
                "jo@acme.example",
            ],
            [("media", "Jo Doe", "Acme Robotics", "+1 (212) 555-0100", "jo@acme.example")],
        ),
        (
            [
                "Contacts",
                "Media: Jo Doe, +1 212 555 0100, jo@acme.example",
                "Investors: Max Roe, +1 212 555 0101, ir@acme.example",
            ],
            [
                ("media", "Jo Doe", "", "+1 212 555 0100", "jo@acme.example"),
                ("investor", "Max Roe", "", "+1 212 555 0101", "ir@acme.example"),
            ],
        ),
        (
            ["Contact: Jo Doe, Acme, (212) 555-0100 x12 or jo@acme.example"],
            [("", "Jo Doe", "Acme", "(212) 555-0100", "jo@acme.example")],
        ),
        (
            ["お問い合わせ先", "TEL：03-5550-0100 FAX：03-5550-0101", "info@acme.example"],
            [("", "", "", "03-5550-0100", "info@acme.example")],
        ),
        (
            ["ติดต่อสื่อ: คุณสมชาย ใจดี โทร. 02-123-4567 อีเมล somchai@acme.example"],
            [("media", "คุณสมชาย ใจดี", "", "02-123-4567", "somchai@acme.example")],
        ),
        (
            ["For more information, please visit https://acme.example/ or send mail to <jo@acme.example>."],
            [("", "", "", "", "jo@acme.example")],
        ),
    ],
    ids=["one person in six lines", "two roles", "an extension", "a fax", "an honorific", "a sentence"],
)
def test_contact_lines_become_people(lines: list[str], contacts: list[tuple[str, ...]]) -> None:
    parts = [Part("contact", "", line, heading=len(lines) > 1 and not number) for number, line in enumerate(lines)]
    found = read_contacts(parts)
    assert [(c.role, c.name, c.organisation, c.phone, c.email) for c in found] == contacts
