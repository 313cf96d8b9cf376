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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Tel: +1 212 555 0100", "+1 212 555 0100"),
        ("Phone: 212-555-0100 ext. 12", "212-555-0100"),
        ("(212) 555-0100", "(212) 555-0100"),
        ("1-800-555-0100", "1-800-555-0100"),
        ("+44 (0)20 7946 0100", "+44 (0)20 7946 0100"),
        ("020 7946 0100", "020 7946 0100"),
        ("T: +44 20 7946 0100 | M: +44 7700 900100", "+44 20 7946 0100"),
        ("Tel.: 030/555-0100", "030/555-0100"),
        ("Telefon: +49 30 555 0100", "+49 30 555 0100"),
        ("Tel. 0 30 / 55 50 10 0", "0 30 / 55 50 10 0"),
        ("Mobil 0171 5550100", "0171 5550100"),
        ("Tel: 030-5550100", "030-5550100"),
        ("Tél. : 01 99 00 01 00", "01 99 00 01 00"),
        ("+33 (0)1 99 00 01 00", "+33 (0)1 99 00 01 00"),
        ("01.99.00.01.00", "01.99.00.01.00"),
        ("Tél : +33 1 99 00 01 00", "+33 1 99 00 01 00"),
        ("Tel. 91 555 01 00", "91 555 01 00"),
        ("Móvil: 600 555 010", "600 555 010"),
        ("Teléfono: +34 91 555 01 00", "+34 91 555 01 00"),
        ("Cel. 55 5555 0100", "55 5555 0100"),
        ("WhatsApp: +52 1 55 5555 0100", "+52 1 55 5555 0100"),
        ("Tel: (57 1) 555 0100", "(57 1) 555 0100"),
        ("(11) 5550-0100", "(11) 5550-0100"),
        ("Tel.: (11) 95550-0100", "(11) 95550-0100"),
        ("+55 11 95550-0100", "+55 11 95550-0100"),
        ("Telefone: 11 5550-0100", "11 5550-0100"),
        ("Tel: 213 555 010", "213 555 010"),
        ("Тел.: +7 (495) 555-01-00", "+7 (495) 555-01-00"),
        ("8 (800) 555-01-00", "8 (800) 555-01-00"),
        ("тел. 8-495-555-01-00", "8-495-555-01-00"),
        ("Телефон: (495) 555-01-00", "(495) 555-01-00"),
        ("+7 495 555 01 00, доб. 12", "+7 495 555 01 00"),
        ("TEL：03-5550-0100", "03-5550-0100"),
        ("電話 03-5550-0100（代表）", "03-5550-0100"),
        ("TEL：０３－５５５０－０１００", "03-5550-0100"),
        ("0120-555-010", "0120-555-010"),
        ("TEL: 03(5550)0100", "03(5550)0100"),
        ("電話：+81-3-5550-0100", "+81-3-5550-0100"),
        ("전화: 02-555-0100", "02-555-0100"),
        ("☎ 044-555-0100", "044-555-0100"),
        ("연락처: 010-5555-0100", "010-5555-0100"),
        ("TEL. 1588-0100", "1588-0100"),
        ("전화 02)555-0100", "02)555-0100"),
        ("+82 2 555 0100", "+82 2 555 0100"),
        ("+82-2-555-0100", "+82-2-555-0100"),
        ("电话：010-55550100", "010-55550100"),
        ("手机：13805550100", "13805550100"),
        ("手机：138 0555 0100", "138 0555 0100"),
        ("+86 10 5555 0100", "+86 10 5555 0100"),
        ("电话：400-555-0100", "400-555-0100"),
        ("電話：(02)2555-0100", "(02)2555-0100"),
        ("電話：02-2555-0100 分機 12", "02-2555-0100"),
        ("電話：(02) 2555 0100#12", "(02) 2555 0100"),
        ("手機：0912-555-010", "0912-555-010"),
        ("+886-2-2555-0100", "+886-2-2555-0100"),
        ("電話：2555 0100", "2555 0100"),
        ("電話：(852) 2555 0100", "(852) 2555 0100"),
        ("ĐT: 024 5550 0100", "024 5550 0100"),
        ("Điện thoại: (024) 3555 0100", "(024) 3555 0100"),
        ("Hotline: 1900 5555", "1900 5555"),
        ("0912 555 010", "0912 555 010"),
        ("+84 24 5550 0100", "+84 24 5550 0100"),
        ("ĐT: 0912.555.010", "0912.555.010"),
        ("โทร. 0-2555-0100", "0-2555-0100"),
        ("โทร. 02-555-0100 ต่อ 12", "02-555-0100"),
        ("โทรศัพท์ 0 2555 0100", "0 2555 0100"),
        ("มือถือ 081-555-0100", "081-555-0100"),
        ("โทร 1166", "1166"),
        ("โทร. 02 555 0100", "02 555 0100"),
        ("+66 2 555 0100", "+66 2 555 0100"),
        ("Telp: 021-555-0100", "021-555-0100"),
        ("HP: 0812 5550 100", "0812 5550 100"),
        ("Telp. (021) 5550100", "(021) 5550100"),
        ("WA: 0812-5550-0100", "0812-5550-0100"),
        ("+62 812-5550-0100", "+62 812-5550-0100"),
        ("HP 081255500100", "081255500100"),
        ("Tel: 03-5550 0100", "03-5550 0100"),
        ("Tel: 03-5550 0100 (samb. 12)", "03-5550 0100"),
        ("Telefon: +603-5550 0100", "+603-5550 0100"),
        ("H/P: 012-555 0100", "012-555 0100"),
        ("Tel: 603 5550 0100", "603 5550 0100"),
        ("1-300-88-5465", "1-300-88-5465"),
        ("هاتف: +966 11 555 0100", "+966 11 555 0100"),
        ("هاتف: 0100-555-11-966+", "+966-11-555-0100"),
        ("جوال: ٠٥٠ ٥٥٥ ٠١٠٠", "050 555 0100"),
        ("هاتف: 011 555 0100", "011 555 0100"),
        ("ت: 00966115550100", "00966115550100"),
        ("الهاتف: 920005555", "920005555"),
        ("هاتف: +971 4 555 0100 تحويلة 12", "+971 4 555 0100"),
        ("jane.smith(at)acme.example", "jane.smith@acme.example"),
        ("jane [at] acme.example", "jane@acme.example"),
        ("<press@acme.example>", "press@acme.example"),
        ("E-Mail: presse [at] acme.example", "presse@acme.example"),
        ("press＠acme.example", "press@acme.example"),
        ("邮箱:press@acme.example电话:010-55550100", "press@acme.example"),
        ("jane_smith@acme.co.uk.", "jane_smith@acme.co.uk"),
    ],
)
def test_numbers_and_addresses_of_every_language_are_read(line: str, told: str) -> None:
    lines = [Part("contact", "", "Jo Doe"), Part("contact", "", line)]
    assert [contact.email or contact.phone for contact in read_contacts(lines)] == [told]
