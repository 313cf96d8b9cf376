"""Settings: every default holds, every fault is named with its place, and the order of precedence."""

import os
import pickle
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streams.errors import Exit
from streams.runtime import settings
from streams.runtime.settings import BadConfig, Fault, Settings
from streams.stage import config_directory

DEFAULTS = config_directory() / "default.toml"
TABLES = {name: table for name, table in tomllib.loads(DEFAULTS.read_text()).items() if isinstance(table, dict)}
KEYS = [(table, key) for table, values in TABLES.items() if table != "stages" for key in values]

PASSWORD = "hunter2-and-more"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests are not under test."""
    for name in list(os.environ):
        if name.startswith(settings.ENV_PREFIX):
            monkeypatch.delenv(name)


def faults(file: Path | None = None, overrides: dict[str, Any] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(BadConfig) as caught:
        settings.load(file, overrides)
    return caught.value.faults


def toml(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- Defaults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_default_is_what_the_file_says(table: str, key: str) -> None:
    value = getattr(getattr(settings.load(), table), key)
    assert (value.get_secret_value() if "password" in key else value) == TABLES[table][key]


def test_the_file_holds_every_setting_and_no_other() -> None:
    """So that reading the file is enough to know what can be set."""
    parts = {name: info.annotation for name, info in Settings.model_fields.items() if name in TABLES}
    declared = {(name, key) for name, part in parts.items() if name != "stages" for key in part.model_fields}  # type: ignore[union-attr]
    assert set(KEYS) == declared
    assert set(tomllib.loads(DEFAULTS.read_text())) == set(Settings.model_fields)


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_default_has_its_why_beside_it(table: str, key: str) -> None:
    body = re.split(r"(?m)^\[", DEFAULTS.read_text().partition(f"[{table}]\n")[2])[0]
    (line,) = re.findall(rf"(?m)^{key} = .*$", body)
    _, _, why = line.partition("#")
    assert len(why.split()) >= 2, line


def test_the_first_settings_have_their_why_above_them() -> None:
    head = DEFAULTS.read_text().partition("\n[broker]")[0]
    for key in ("hops", "data_directory"):
        assert re.search(rf"(?m)^# .*\n{key} = ", head)


# --- Faults ---------------------------------------------------------------------------------------------------------

BAD: list[tuple[str, str, Any, str]] = [
    ("broker", "bootstrap", "kafka", "pattern"),
    ("broker", "protocol", "TLS", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
    ("broker", "sasl_mechanism", "MD5", "'PLAIN', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'"),
    ("broker", "session_seconds", 0.5, "greater than or equal to 1"),
    ("broker", "request_seconds", 301, "less than or equal to 300"),
    ("broker", "compression", "brotli", "'none', 'gzip', 'snappy', 'lz4' or 'zstd'"),
    ("broker", "startup_seconds", -1, "greater than or equal to 0"),
    ("broker", "idempotent", "perhaps", "boolean"),
    ("group", "id", "", "pattern"),
    ("group", "instance", "pod 1", "pattern"),
    ("topics", "prefix", "news/release", "pattern"),
    ("topics", "partitions", 0, "greater than or equal to 1"),
    ("topics", "replication", 33, "less than or equal to 32"),
    ("topics", "retention_hours", 0, "greater than 0"),
    ("topics", "raw_bytes", 1023, "greater than or equal to 1024"),
    ("topics", "event_bytes", 2**30 + 1, "less than or equal to 1073741824"),
    ("limits", "release_bytes", "4 MiB", "integer"),
    ("window", "releases", 0, "greater than or equal to 1"),
    ("window", "in_flight", 0, "greater than or equal to 1"),
    ("window", "linger_seconds", 6, "less than or equal to 5"),
    ("pool", "processes", -1, "greater than or equal to 0"),
    ("pool", "release_seconds", 0, "greater than or equal to 0.1"),
    ("dead_letter", "limit_share", 1.5, "less than or equal to 1"),
    ("dead_letter", "limit_window", 0, "greater than or equal to 1"),
    ("dead_letter", "send_seconds", 0, "greater than 0"),
    ("retry", "first_seconds", 0, "greater than 0"),
    ("retry", "most_seconds", 86_401, "less than or equal to 86400"),
    ("watchdog", "stuck_seconds", 4, "greater than or equal to 5"),
    ("watchdog", "probe_seconds", 0, "greater than or equal to 0.2"),
    ("stop", "drain_seconds", -1, "greater than or equal to 0"),
    ("stop", "deadline_seconds", 0, "greater than or equal to 1"),
    ("schema_registry", "url", "registry:8081", "pattern"),
    ("http", "bind", "", "at least 1 character"),
    ("http", "port", 65_536, "less than or equal to 65535"),
    ("metrics", "low_confidence", 2, "less than or equal to 1"),
    ("metrics", "source_classes", "wire", "dictionary"),
    ("metrics", "last_scrape_seconds", -1, "greater than or equal to 0"),
    ("log", "format", "xml", "'auto', 'json' or 'console'"),
    ("log", "level", "loud", "'debug', 'info', 'warning' or 'error'"),
    ("gate", "hold", "maybe", "boolean"),
    ("gate", "remember", 10, "greater than or equal to 1000"),
    ("gate", "remember_hours", 0, "greater than 0"),
    ("gate", "held", 0, "greater than or equal to 1"),
    ("gate", "held_bytes", -1, "greater than or equal to 0"),
    ("tracing", "endpoint", "collector:4318", "http or https address"),
    ("tracing", "sample_share", 1.1, "less than or equal to 1"),
]


def test_a_source_of_two_classes_is_refused() -> None:
    (fault,) = faults(overrides={"metrics": {"source_classes": {"wire": ["a"], "agency": ["A"]}}})
    assert (fault.key, fault.problem) == ("metrics.source_classes", "a source can be of one class only: a")


@pytest.mark.parametrize(("table", "key", "value", "allowed"), BAD)
def test_a_bad_value_is_named_with_its_key_its_place_and_what_is_allowed(
    table: str, key: str, value: Any, allowed: str
) -> None:
    (fault,) = faults(overrides={table: {key: value}})
    assert (fault.origin, fault.key, fault.value) == ("command line", f"{table}.{key}", repr(value))
    assert allowed in fault.problem


def test_every_table_has_a_bad_value_above() -> None:
    assert {table for table, *_ in BAD} == set(TABLES) - {"stages"}


def test_all_faults_of_all_places_are_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = toml(tmp_path, "[topics]\npartitions = 0\n[window]\nreleases = 0\n[nonsense]\nx = 1\n")
    monkeypatch.setenv("NEWSMILL_POOL__PROCESSES", "many")
    monkeypatch.setenv("NEWSMILL_HOPS", "detect_language")
    found = {(f.origin, f.key, f.value) for f in faults(file, {"http": {"port": -1}, "log": {"lvl": "info"}})}
    assert found == {
        (str(file), "topics.partitions", "0"),
        (str(file), "window.releases", "0"),
        (str(file), "nonsense", ""),
        ("environment", "NEWSMILL_POOL__PROCESSES", "'many'"),
        ("environment", "NEWSMILL_HOPS", "'detect_language'"),
        ("command line", "http.port", "-1"),
        ("command line", "log.lvl", "'info'"),
    }


def test_a_fault_reads_as_one_line_and_they_exit_as_configuration() -> None:
    with pytest.raises(BadConfig) as caught:
        settings.load(None, {"http": {"port": -1}, "pool": {"processes": -2}})
    assert caught.value.exit_code == Exit.CONFIG
    assert sorted(str(caught.value).splitlines()) == [
        "command line: http.port = -1: Input should be greater than or equal to 0",
        "command line: pool.processes = -2: Input should be greater than or equal to 0",
    ]


@pytest.mark.parametrize("table", [name for name in TABLES if name != "stages"])
def test_a_misspelt_key_is_refused_in_every_table(tmp_path: Path, table: str) -> None:
    file = toml(tmp_path, f"[{table}]\nno_such_key = 1\n")
    (fault,) = faults(file)
    assert (fault.origin, fault.key) == (str(file), f"{table}.no_such_key")
    assert "config/default.toml" in fault.problem


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("NEWSMILL_BROKER__BOOTSTRP", "NEWSMILL_BROKER__BOOTSTRP"),
        ("NEWSMILL_BROKRE__BOOTSTRAP", "NEWSMILL_BROKRE"),
        ("newsmill_pool__proceses", "NEWSMILL_POOL__PROCESES"),
    ],
)
def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, key: str) -> None:
    monkeypatch.setenv(variable, "1")
    (fault,) = faults()
    assert (fault.origin, fault.key) == ("environment", key)


def test_a_stage_that_there_is_not_is_named_with_those_there_are() -> None:
    (fault,) = faults(overrides={"stages": {"translate": {"to": "en"}}})
    assert "translate" in fault.problem
    assert "detect_language, strip_boilerplate, tag_entities" in fault.problem


@pytest.mark.parametrize(
    "hops",
    [
        [],
        [["detect_language"], ["tag_entities"]],
        [["detect_language"], [], ["strip_boilerplate"], ["tag_entities"]],
        [["strip_boilerplate"], ["detect_language"], ["tag_entities"]],
        [["detect_language", "detect_language"], ["strip_boilerplate"], ["tag_entities"]],
    ],
    ids=["none", "one missing", "an empty one", "wrong order", "one twice"],
)
def test_hops_must_hold_each_stage_once_and_in_order(hops: list[list[str]]) -> None:
    (fault,) = faults(overrides={"hops": hops})
    assert (fault.key, "each stage once and in this order" in fault.problem) == ("hops", True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path / "no.toml")
    assert (fault.origin, fault.problem) == (
        str(tmp_path / "no.toml"),
        "cannot be read: No such file or directory",
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path)
    assert "cannot be read: Is a directory" in fault.problem


@pytest.mark.parametrize(
    "data", [b"[broker\n", b"[broker]\nx = 1\nx = 2\n", b"\xff\xfe["], ids=["cut", "twice", "bytes"]
)
def test_what_is_no_toml_is_said_with_the_place(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "my.toml"
    file.write_bytes(data)
    (fault,) = faults(file)
    assert (fault.origin, fault.problem.startswith("is not TOML: ")) == (str(file), True)
    assert re.search(r"line \d|position \d", fault.problem)


def test_a_broken_file_does_not_hide_the_other_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSMILL_HTTP__PORT", "none")
    assert [f.key for f in faults(toml(tmp_path, "["))] == ["(file)", "NEWSMILL_HTTP__PORT"]


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"broker": {"session_seconds": 40.0}}, "session_seconds must not be above request_seconds"),
        ({"broker": {"ca_file": "/no/such.pem"}}, "ca_file '/no/such.pem': no such file"),
        ({"broker": {"cert_file": __file__}}, "cert_file and key_file go together"),
        ({"broker": {"protocol": "SASL_SSL"}}, "needs broker.sasl_username and broker.sasl_password"),
        ({"topics": {"min_insync_replicas": 2}}, "must not be above replication"),
        ({"stop": {"drain_seconds": 9.0}}, "drain_seconds must be below deadline_seconds"),
        ({"limits": {"release_bytes": 2**26}}, "limits.release_bytes must not be above topics.raw_bytes"),
        ({"data_directory": "/no/such/folder"}, "holds no routes.toml"),
    ],
)
def test_values_that_do_not_go_together_are_refused(overrides: dict[str, Any], problem: str) -> None:
    (fault,) = faults(overrides=overrides)
    assert problem in fault.problem
    assert fault.origin in ("command line", "default.toml")


def test_faults_cross_processes() -> None:
    error = BadConfig((Fault("file", "key", "1", "is bad"),))
    assert pickle.loads(pickle.dumps(error)).faults == error.faults


# --- Precedence -----------------------------------------------------------------------------------------------------


def test_the_environment_goes_before_the_file_and_the_command_line_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml(
        tmp_path, '[pool]\nprocesses = 3\nrelease_seconds = 3.0\n[window]\nreleases = 3\n[group]\nid = "file"\n'
    )
    monkeypatch.setenv("NEWSMILL_POOL__RELEASE_SECONDS", "4")
    monkeypatch.setenv("NEWSMILL_WINDOW__RELEASES", "4")
    got = settings.load(file, {"window": {"releases": 5}})
    assert (got.pool.processes, got.pool.release_seconds, got.window.releases) == (3, 4.0, 5)
    assert (got.group.id, got.pool, got.topics) == ("file", got.pool, settings.load().topics)


def test_the_environment_names_the_file_unless_the_command_line_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setenv(settings.CONFIG_FILE_VARIABLE, str(toml(tmp_path, '[group]\nid = "by-variable"\n')))
    assert settings.load().group.id == "by-variable"
    assert settings.load(toml(tmp_path / "other", '[group]\nid = "by-option"\n')).group.id == "by-option"


def test_lists_and_tables_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSMILL_HOPS", '[["detect_language", "strip_boilerplate", "tag_entities"]]')
    monkeypatch.setenv("NEWSMILL_STAGES__STRIP_BOILERPLATE__DEPTH", "2")
    got = settings.load()
    assert got.hops == (("detect_language", "strip_boilerplate", "tag_entities"),)
    assert got.stages["strip_boilerplate"] == {"depth": "2"}


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.load().pool.processes = 4


# --- Secrets --------------------------------------------------------------------------------------------------------

SASL = {"protocol": "SASL_SSL", "sasl_username": "newsmill", "sasl_password": PASSWORD}


def test_a_password_is_shown_neither_in_the_settings_nor_in_their_parts() -> None:
    got = settings.load(None, {"broker": SASL})
    assert PASSWORD not in f"{got!r} {got} {got.broker!r} {got.model_dump()} {got.model_dump_json()}"


@pytest.mark.parametrize(
    ("overrides", "environment"),
    [
        ({"broker": SASL | {"protocol": "SASL_PLAINTEXT"}}, {}),
        ({"broker": SASL | {"sasl_username": ""}}, {}),
        ({"broker": SASL | {"sasl_password": [PASSWORD]}}, {}),
        ({"broker": SASL | {"session_seconds": 0}}, {}),
        ({"broker": {"password": PASSWORD}}, {}),
        ({}, {"NEWSMILL_BROKER__PASSWORD": PASSWORD}),
        ({}, {"NEWSMILL_BROKER": f'{{"sasl_password": "{PASSWORD}"'}),
        ({}, {"NEWSMILL_PASSWORDS__KAFKA": PASSWORD}),
    ],
)
def test_no_fault_shows_a_password(
    monkeypatch: pytest.MonkeyPatch, overrides: dict[str, Any], environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = faults(overrides=overrides)
    assert found
    assert PASSWORD not in "\n".join(map(str, found))


def test_passwords_in_the_clear_are_refused_unless_asked_for_by_name() -> None:
    clear = SASL | {"protocol": "SASL_PLAINTEXT"}
    (fault,) = faults(overrides={"broker": clear})
    assert "broker.allow_plaintext_sasl = true" in fault.problem
    assert settings.load(None, {"broker": clear | {"allow_plaintext_sasl": True}}).broker.protocol == "SASL_PLAINTEXT"
