"""Settings: read once, checked whole, then passed by parts. Every fault is reported at once."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from streams.errors import Exit, Fatal
from streams.pipeline import PIPELINE, STAGES
from streams.stage import config_directory

ENV_PREFIX = "NEWSMILL_"
CONFIG_FILE_VARIABLE = "NEWSMILL_CONFIG"

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bytes = Annotated[int, Field(ge=1_024, le=1_073_741_824)]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,180}$")]
Bootstrap = Annotated[str, Field(pattern=r"^[^\s,:]+:\d{1,5}(,\s*[^\s,:]+:\d{1,5})*$")]


class Part(BaseModel):
    """A table of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Broker(Part):
    """Where Kafka is and how to speak to it."""

    bootstrap: Bootstrap
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    allow_plaintext_sasl: bool
    ca_file: str
    cert_file: str
    key_file: str
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    sasl_username: str
    sasl_password: SecretStr
    session_seconds: Annotated[float, Field(ge=1, le=300)]
    request_seconds: Annotated[float, Field(ge=1, le=300)]
    idempotent: bool
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"]
    startup_seconds: Annotated[float, Field(ge=0, le=3_600)]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.protocol == "SASL_PLAINTEXT" and not self.allow_plaintext_sasl:
            raise ValueError(
                "protocol SASL_PLAINTEXT sends the password in the clear: use SASL_SSL, or set "
                "broker.allow_plaintext_sasl = true"
            )
        if self.protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password.get_secret_value()):
            raise ValueError(f"protocol {self.protocol} needs broker.sasl_username and broker.sasl_password")
        for name in ("ca_file", "cert_file", "key_file"):
            path = getattr(self, name)
            if path and not Path(path).is_file():
                raise ValueError(f"{name} {path!r}: no such file")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file go together")
        if self.session_seconds > self.request_seconds:
            raise ValueError("session_seconds must not be above request_seconds (Kafka's client refuses it)")
        return self


class Group(Part):
    """The consumer groups."""

    id: TopicName
    instance: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,180}$")]


class Topics(Part):
    """How the topics are made."""

    prefix: TopicName
    partitions: Annotated[int, Field(ge=1, le=10_000)]
    replication: Annotated[int, Field(ge=1, le=32)]
    min_insync_replicas: Annotated[int, Field(ge=1, le=32)]
    retention_hours: Annotated[float, Field(gt=0)]
    raw_bytes: Bytes
    event_bytes: Bytes

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.min_insync_replicas > self.replication:
            raise ValueError("min_insync_replicas must not be above replication: no write would ever succeed")
        return self


class Limits(Part):
    """What is too much."""

    release_bytes: Bytes


class Window(Part):
    """How many releases are in flight."""

    releases: Annotated[int, Field(ge=1, le=10_000)]
    bytes: Bytes
    in_flight: Annotated[int, Field(ge=1, le=1_000)]
    linger_seconds: Annotated[float, Field(ge=0, le=5)]


class Pool(Part):
    """The processes that do the work."""

    processes: Annotated[int, Field(ge=0, le=512)]
    release_seconds: Annotated[float, Field(ge=0.1, le=600)]


class DeadLetter(Part):
    """When dead letters stop the worker."""

    limit_share: Annotated[float, Field(gt=0, le=1)]
    limit_window: Annotated[int, Field(ge=1, le=1_000_000)]
    limit_minimum: Annotated[int, Field(ge=1, le=1_000_000)]
    send_seconds: Seconds


class Retry(Part):
    """Back-off of deliveries."""

    first_seconds: Seconds
    most_seconds: Seconds


class Watchdog(Part):
    """When no progress means stuck."""

    stuck_seconds: Annotated[float, Field(ge=5, le=86_400)]
    probe_seconds: Annotated[float, Field(ge=0.2, le=600)]


class Stop(Part):
    """How long a stop may take."""

    drain_seconds: Annotated[float, Field(ge=0, le=600)]
    deadline_seconds: Annotated[float, Field(ge=1, le=600)]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.drain_seconds >= self.deadline_seconds:
            raise ValueError("drain_seconds must be below deadline_seconds")
        return self


class SchemaRegistry(Part):
    """Where schemas are registered, if anywhere."""

    url: Annotated[str, Field(pattern=r"^(https?://[^\s/@]+(/\S*)?)?$")]
    username: str
    password: SecretStr
    ca_file: str
    request_seconds: Annotated[float, Field(ge=0.1, le=300)]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.ca_file and not Path(self.ca_file).is_file():
            raise ValueError(f"ca_file {self.ca_file!r}: no such file")
        return self


class Http(Part):
    """The health and metrics listener."""

    bind: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=0, le=65_535)]


class Counting(Part):
    """What the metrics tell apart."""

    low_confidence: Annotated[float, Field(ge=0, le=1)]
    source_classes: Annotated[dict[str, tuple[str, ...]], Field(max_length=20)]
    last_scrape_seconds: Annotated[float, Field(ge=0, le=300)]

    @field_validator("source_classes")
    @classmethod
    def _one_class_a_source(cls, classes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        names = [name.casefold() for sources in classes.values() for name in sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a source can be of one class only: {', '.join(twice)}")
        return classes


class Log(Part):
    """What is written to standard error."""

    format: Literal["auto", "json", "console"]
    level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v)
    ]


class Gate(Part):
    """What may go out, and when: versions, kills, embargoes."""

    hold: bool
    remember: Annotated[int, Field(ge=1_000)]
    remember_hours: Annotated[float, Field(gt=0)]
    held: Annotated[int, Field(ge=1)]
    held_bytes: Annotated[int, Field(ge=0)]


class Tracing(Part):
    """Spans for an OpenTelemetry collector."""

    endpoint: str
    sample_share: Annotated[float, Field(ge=0, le=1)]

    @field_validator("endpoint")
    @classmethod
    def _can_be_reported_to(cls, endpoint: str) -> str:
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ValueError("must be an http or https address, as http://collector:4318/v1/traces, or empty")
        if endpoint and not _has_opentelemetry():
            raise ValueError("needs OpenTelemetry: pip install 'newsmill[tracing]'")
        return endpoint


def _has_opentelemetry() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


class Settings(BaseSettings):
    """All settings, checked. Build them with `load`, which reads the environment itself, to know where a fault is."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__", case_sensitive=False
    )

    hops: tuple[tuple[str, ...], ...]
    data_directory: str
    broker: Broker
    group: Group
    topics: Topics
    limits: Limits
    window: Window
    pool: Pool
    dead_letter: DeadLetter
    retry: Retry
    watchdog: Watchdog
    stop: Stop
    schema_registry: SchemaRegistry
    gate: Gate
    http: Http
    metrics: Counting
    log: Log
    tracing: Tracing
    stages: dict[str, dict[str, Any]]

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the sources that go unread need no names
        cls, _: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *__: Any, **___: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What `load` merged, and nothing else: read here again, the environment could raise on its own."""
        return (init_settings,)

    @field_validator("hops")
    @classmethod
    def _each_stage_once(cls, hops: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        flat = [name for hop in hops for name in hop]
        expected = [stage.name for stage in PIPELINE]
        if flat != expected or not all(hops):
            raise ValueError(f"must hold each stage once and in this order: {', '.join(expected)}; got {flat}")
        return hops

    @field_validator("stages")
    @classmethod
    def _known_stages(cls, stages: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if unknown := set(stages) - set(STAGES):
            raise ValueError(f"no stage is called {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
        return stages

    @field_validator("data_directory")
    @classmethod
    def _data_is_there(cls, path: str) -> str:
        if path and not Path(path, "routes.toml").is_file():
            raise ValueError("no such folder, or it holds no routes.toml: copy the shipped config/ and change it")
        return path

    @property
    def data(self) -> Path:
        """The folder with the stages' data and the routes."""
        return Path(self.data_directory) if self.data_directory else config_directory()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.limits.release_bytes > self.topics.raw_bytes:
            raise ValueError("limits.release_bytes must not be above topics.raw_bytes: the broker would refuse it")
        return self


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration."""

    origin: str
    """The file, or the environment variable, that holds the value."""
    key: str
    value: str
    problem: str
    """What is wrong and what is allowed."""

    def __str__(self) -> str:
        shown = f" = {self.value}" if self.value else ""
        return f"{self.origin}: {self.key}{shown}: {self.problem}"


class BadConfig(Fatal):
    """The configuration is not usable: every fault is in `faults`."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(Exit.CONFIG, "\n".join(str(fault) for fault in faults))
        self.faults = faults

    def __reduce__(self) -> tuple[type["BadConfig"], tuple[tuple[Fault, ...]]]:
        return BadConfig, (self.faults,)


def load(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Merge the defaults, a file, the environment and the command line, and check the result.

    Raises `BadConfig` with every fault, each with the place it came from.
    """
    faults: list[Fault] = []
    origins: dict[tuple[str, ...], str] = {}
    merged: dict[str, Any] = {}
    default = config_directory() / "default.toml"
    named = file or (Path(os.environ[CONFIG_FILE_VARIABLE]) if os.environ.get(CONFIG_FILE_VARIABLE) else None)
    for path in (default, named):
        if path is not None:
            _merge(merged, _read(path, faults), origins, "default.toml" if path == default else str(path))
    _merge(merged, _environment(), origins, "environment")
    _merge(merged, overrides or {}, origins, "command line")
    try:
        settings = Settings(**merged)
    except ValidationError as exc:
        faults.extend(_fault(error, origins) for error in exc.errors())
    if faults:
        raise BadConfig(tuple(faults))
    return settings


def _read(path: Path, faults: list[Fault]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        faults.append(Fault(str(path), "(file)", "", f"cannot be read: {exc.strerror}"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        faults.append(Fault(str(path), "(file)", "", f"is not TOML: {exc}"))
    return {}


class _Environment(EnvSettingsSource):
    """Leaves what should be JSON and is not as it is, for the check to report with everything else."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _environment() -> dict[str, Any]:
    found = _Environment(Settings)()
    found.pop("config", None)  # NEWSMILL_CONFIG names the file
    known = set(Settings.model_fields)
    for name in os.environ:
        table = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if name.startswith(ENV_PREFIX) and "__" in name and table not in known:
            found[table] = os.environ[name]  # a misspelt table: let the check say so
    return found


def _merge(into: dict[str, Any], values: Mapping[str, Any], origins: dict[tuple[str, ...], str], origin: str) -> None:
    stack: list[tuple[dict[str, Any], Mapping[str, Any], tuple[str, ...]]] = [(into, values, ())]
    while stack:
        target, source, where = stack.pop()
        for key, value in source.items():
            if isinstance(value, Mapping) and isinstance(target.setdefault(key, {}), dict):
                stack.append((target[key], value, (*where, key)))
            else:
                target[key] = value
                origins[(*where, key)] = origin


def _fault(error: Any, origins: Mapping[tuple[str, ...], str]) -> Fault:
    where = tuple(str(part) for part in error["loc"])
    origin = next((origins[where[:n]] for n in range(len(where), 0, -1) if where[:n] in origins), "")
    if not origin:  # a rule about a whole table: name the last place that touched it
        touched = [o for key, o in origins.items() if key[: len(where)] == where and o != "default.toml"]
        origin = touched[-1] if touched else "default.toml"
    key = ".".join(where) or "(settings)"
    if origin == "environment":
        key = f"{ENV_PREFIX}{'__'.join(where).upper()}"
    value = error.get("input")
    secret = "password" in f"{key}{value}".lower() or isinstance(value, Mapping | tuple) or error["type"] == "missing"
    problem = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        problem = "there is no such setting (see config/default.toml)"
    return Fault(origin, key, "" if secret or value is None else repr(value), problem)
