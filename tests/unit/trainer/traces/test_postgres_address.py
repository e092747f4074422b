"""URLs of databases, also as other drivers write them, and what is said of those that are none."""

import pytest

from atlas_api.errors import InvalidManifest
from atlas_trainer.traces.postgres.address import Address, read_address

PLAIN = "postgresql://me:hunter2@host:5432/db"


@pytest.mark.parametrize(
    ("text", "url", "ignored"),
    [
        (PLAIN, PLAIN, ()),
        ("postgres://host/db", "postgresql://host/db", ()),
        ("host=/tmp dbname=db user=me", "host=/tmp dbname=db user=me", ()),
        ("postgresql+asyncpg://me:hunter2@host:5432/db", PLAIN, ("asyncpg",)),
        ("postgresql+psycopg2://host/db", "postgresql://host/db", ("psycopg2",)),
        ("jdbc:postgresql://host/db?user=me&prepareThreshold=0", "postgresql://host/db?user=me", ("prepareThreshold",)),
        (f"{PLAIN}?pgbouncer=true&connection_limit=1", PLAIN, ("pgbouncer", "connection_limit")),
        (f"{PLAIN}?schema=public", PLAIN, ("schema",)),
        (f"{PLAIN}?sslmode=require&supa=base-pooler.x", f"{PLAIN}?sslmode=require", ("supa",)),
        (f"{PLAIN}?ssl=true", f"{PLAIN}?ssl=true", ()),
        (f"{PLAIN}?", PLAIN, ()),
        ("postgresql://me:pass?hunter2=1@host", "postgresql://me:pass?hunter2=1@host", ()),
        ("postgresql://me:a?b=c&pgbouncer=1@host/db", "postgresql://me:a?b=c&pgbouncer=1@host/db", ()),
        ("postgresql://a,b:1,2/db?target_session_attrs=any", "postgresql://a,b:1,2/db?target_session_attrs=any", ()),
        ("postgresql:///db?host=/var/run", "postgresql:///db?host=/var/run", ()),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db", ()),
    ],
)
def test_a_url_is_read_and_what_is_for_other_drivers_left_out(text: str, url: str, ignored: tuple[str, ...]) -> None:
    assert read_address(text, "it") == Address(url, ignored)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hunter2", "it begins like no URL"),
        (f"'{PLAIN}'", "it is in quotes; take them off"),
        (f'"{PLAIN}"', "it is in quotes; take them off"),
        (f"psql {PLAIN}", "it begins like no URL"),
        ("mysql://me:hunter2@host/db", "mysql:// is no scheme of PostgreSQL"),
        ("prisma+postgres://me:hunter2@host/db", "prisma+postgres:// is no scheme of PostgreSQL"),
        ("https://me:hunter2@host/db", "https:// is no scheme of PostgreSQL"),
        ("postgresql://me:hunter2@host:port/db", "its port is no number"),
        ("postgresql://me:p@hunter2@host/db", "its host has an @, which belongs to the password; write %40"),
        ("postgresql://me:hun/ter2@host/db", "its port is no number; in a password write %2F for a /"),
        ("postgresql://me:hunter2%@host/db", "a % without two hexadecimal digits"),
        ("postgresql://me:hunter2%zz@host/db", "a % without two hexadecimal digits"),
        ("postgresql://me:hun ter2@host/db", "it has a space or a line break inside; write %20"),
        ("postgresql://[::1/db?password=hunter2", "the bracket of its IPv6 address is not closed"),
        (f"{PLAIN}?sslmode", "a parameter without a value"),
        (f"{PLAIN}?options=-c jit", "it has a space or a line break inside; write %20"),
        (f"{PLAIN}?options=-ca=b", "a parameter with a second =; write %3D for it"),
        (f"{PLAIN}?sslmod=require", "libpq knows no parameter sslmod; correct its name, or remove it"),
        (f"{PLAIN}?ssl=require", "the parameter ssl is of another driver; write sslmode=require"),
        (f"{PLAIN}?sslaccept=strict", "write sslmode=verify-full or sslmode=require"),
        (f"{PLAIN}?schema=news", "the parameter schema is of another driver; write options=-csearch_path%3DNAME"),
        (f"{PLAIN}?currentSchema=news", "write options=-csearch_path%3DNAME"),
        ("postgresql://me:pass?hunter2=1", "it has a parameter that libpq does not know"),
        ("postgresql://host/x?hunter2@host=1", "it has a parameter that libpq does not know"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_and_no_password_shown(text: str, problem: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_address(text, "file url")
    (told,) = caught.value.problems
    assert problem in told
    assert "hunter2" not in told
