"""Models are asked over real HTTP, and what goes wrong is told by its reason."""

import asyncio
import time

import pytest
from support.judges.judge_calls import KEY, FakeTime, ask, calling, refused, run, with_key
from support.judges.judge_replies import Rates, Reply, broken, hang, in_turn, refusal, verdict
from support.judges.judge_settings import NOBODY, judging
from support.judges.scripted_judge import ScriptedJudge
from support.server.connect_proxy import FakeConnectProxy

from atlas_api.errors import InvalidManifest, SourceMissing
from atlas_rewards.llm.answer import Answer, NoAnswer
from atlas_rewards.llm.client import llm_client_for


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)


def test_an_answer_has_text_tokens_and_where_it_came_from() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            answer = await ask(client, settings)
        assert (answer.text, answer.tokens, answer.cached) == ("yes", 11, False)

    judge = run(in_turn(Reply("yes", usage={"total_tokens": 11})), story)
    body = judge.requests[0].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("small", 0.2, 4096)


@pytest.mark.parametrize("first", [refusal(429), refusal(500), refusal(503), broken(), Reply(body=b"<html>")])
def test_what_may_get_better_is_asked_again(first: Reply) -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url), FakeTime()
        async with calling(settings, clock.timing) as client:
            assert (await ask(client, settings)).text == "yes"
        assert len(clock.slept) == 1

    assert run(in_turn(first, Reply("yes")), story).count == 2


@pytest.mark.parametrize(
    ("reply", "reason", "says"),
    [
        (refusal(401), "refused", "401 Unauthorized"),
        (refusal(404, message="no model small"), "refused", "404 Not Found: no model small"),
        (refusal(400, message=f"bad key {KEY}"), "refused", "bad key ***"),
        (Reply(status=302, headers={"Location": "http://elsewhere/"}, body=b""), "refused", "302 Found"),
        (Reply(None), "noText", "without text"),
        (Reply(None, finish_reason="length"), "noText", "maxTokens"),
    ],
)
def test_what_will_not_get_better_is_not_asked_again(reply: Reply, reason: str, says: str) -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = with_key(judge.base_url)
        async with calling(settings) as client:
            failure = await refused(client, settings)
        assert failure.reason == reason
        assert f"small at {judge.base_url}: " in str(failure)
        assert says in str(failure)

    assert run(in_turn(reply), story).count == 1


@pytest.mark.parametrize(
    ("reply", "reason", "says"),
    [
        (refusal(503), "overloaded", "answers 503 Service Unavailable: scripted refusal (3 calls made)"),
        (hang(), "timeout", "gives no answer within 0.3 s (3 calls made)"),
        (broken(), "unreachable", "cannot be reached"),
        (Reply(body={"choices": []}), "malformed", "no chat completion"),
    ],
)
def test_what_never_gets_better_is_given_up_after_the_last_attempt(reply: Reply, reason: str, says: str) -> None:
    async def story(judge: ScriptedJudge) -> None:
        timeouts = {"callSeconds": 0.3} if reason == "timeout" else {}
        settings = judging(judge.base_url, timeouts=timeouts)
        async with calling(settings) as client:
            failure = await refused(client, settings)
            calls = client.statistics().models[0].calls
        assert (failure.reason, calls) == (reason, 3)
        assert says in str(failure)

    judge = run(in_turn(reply), story)
    if reason != "timeout":  # which may be over before the judge hears of a call
        assert judge.count == 3


def test_where_nothing_listens_is_told_with_the_address() -> None:
    async def story() -> None:
        settings = judging()
        async with calling(settings) as client:
            failure = await refused(client, settings)
        assert failure.reason == "unreachable"
        assert NOBODY in str(failure)

    asyncio.run(story())


def test_retry_after_is_honoured() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url), FakeTime()
        async with calling(settings, clock.timing) as client:
            await ask(client, settings)
        assert clock.slept == [7.0]

    run(in_turn(refusal(429, "7"), Reply("yes")), story)


def test_a_wait_that_ends_after_the_deadline_is_not_begun() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url), FakeTime()
        async with calling(settings, clock.timing) as client:
            failure = await refused(client, settings, deadline=5.0)
        assert (failure.reason, clock.slept) == ("overloaded", [])

    run(in_turn(refusal(429, "7"), Reply("yes")), story)


def test_nobody_waits_beyond_the_deadline() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, concurrency=1)
        async with calling(settings) as client:
            until = time.monotonic() + 0.05
            first, second = await asyncio.gather(
                refused(client, settings, "a", deadline=until), refused(client, settings, "b", deadline=until)
            )
        assert first.reason == second.reason == "deadline"
        assert "it has not answered yet" in str(first)
        assert "it waits for its turn among the calls in flight" in str(second)

    run(in_turn(hang()), story)


def test_a_question_after_its_deadline_is_not_asked() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url), FakeTime()
        async with calling(settings, clock.timing) as client:
            await ask(client, settings, "opens a connection")
            failure = await refused(client, settings, deadline=0.0)
            assert (failure.reason, client.statistics().models[0].calls) == ("deadline", 1)
        assert str(failure).endswith("no answer before the deadline; it was not asked any more")

    assert run(in_turn(Reply("yes")), story).count == 1


def test_the_whole_time_of_the_configuration_is_the_deadline_unless_one_is_given() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, timeouts={"callSeconds": 60, "totalSeconds": 0.03})
        async with calling(settings) as client:
            assert (await refused(client, settings)).reason == "deadline"

    run(in_turn(hang()), story)


def test_under_faults_every_question_gets_an_answer_or_a_reason_in_time() -> None:
    script = Rates(lambda _: verdict(0.5), errors=0.2, hangs=0.05, garbage=0.1, breaks=0.05, seed=3)

    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, timeouts={"callSeconds": 2, "totalSeconds": 25})
        async with calling(settings) as client:
            ends = await asyncio.gather(
                *(ask(client, settings, str(number)) for number in range(300)), return_exceptions=True
            )
        answers = [end for end in ends if isinstance(end, Answer)]
        assert len(answers) + sum(isinstance(end, NoAnswer) for end in ends) == 300
        assert len(answers) > 270

    run(script, story)


def test_the_key_goes_to_the_endpoint() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = with_key(judge.base_url)
        async with calling(settings) as client:
            await ask(client, settings)

    assert run(in_turn(Reply("yes")), story).requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_an_endpoint_that_repeats_the_key_has_it_in_no_reason_and_no_answer() -> None:
    escaped = '{"error": {"message": "bad key KEY"}}'.replace("KEY", KEY.replace("-", "\\u002d")).encode()

    async def story(judge: ScriptedJudge) -> None:
        settings = with_key(judge.base_url)
        async with calling(settings) as client:
            assert "bad key ***" in str(await refused(client, settings))
            assert (await ask(client, settings)).text == "bad key ***"

    run(in_turn(Reply(status=400, body=escaped), Reply(f"bad key {KEY}")), story)


def test_a_key_that_is_missing_is_told_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY")
    with pytest.raises(SourceMissing, match="environment variable A_KEY is not set or empty"):
        llm_client_for(with_key(NOBODY), "r1")


@pytest.mark.parametrize(("exempt", "reason"), [("", "refused"), ("model.invalid", "unreachable")])
def test_the_proxy_of_the_environment_is_used_where_it_should_be(
    monkeypatch: pytest.MonkeyPatch, exempt: str, reason: str
) -> None:
    async def story(judge: ScriptedJudge) -> None:
        monkeypatch.setenv("http_proxy", judge.base_url.removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", exempt)
        settings = judging("http://model.invalid/v1", retries={"attempts": 1})
        async with calling(settings) as client:
            assert (await refused(client, settings)).reason == reason  # the fake is no proxy, and answers 404

    run(in_turn(Reply("yes")), story)


@pytest.mark.parametrize("exempt", [".svc,.cluster.local,127.0.0.0/8", "", "unrelated.example"])
def test_a_judge_on_this_machine_needs_no_proxy(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    async def story(judge: ScriptedJudge) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", exempt)
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            assert (await ask(client, settings)).text == "yes"

    run(in_turn(Reply("yes")), story)


def test_a_network_in_no_proxy_exempts_judges_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(proxy: FakeConnectProxy) -> list[str]:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "192.0.2.0/24")
        for host in ("192.0.2.1", "192.0.3.1"):
            settings = judging(f"https://{host}/v1", retries={"attempts": 1}, timeouts={"callSeconds": 1})
            async with calling(settings) as client:
                await refused(client, settings)
        return proxy.asked

    with FakeConnectProxy(answer="502 Bad Gateway") as proxy:
        assert asyncio.run(story(proxy)) == ["192.0.3.1:443"]


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ("http://me:hidden@{}", "cannot be reached through the proxy http://{}: 407, Proxy Auth"),
        ("me:hidden@{}", "cannot be reached through the proxy http://{}: 407, Proxy Auth"),
        ("http://me:hidden/@@{}", "is no address"),
        ("me:hidden@{}0000", "is no address"),
        ("socks5h://me:hidden@{}", "cannot be reached through socks5h://{}, which is no HTTP proxy; correct it"),
    ],
)
def test_a_password_of_the_proxy_is_in_no_reason(monkeypatch: pytest.MonkeyPatch, proxy: str, says: str) -> None:
    async def refuses(_: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        client.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await client.drain()
        client.close()

    async def story() -> None:
        async with await asyncio.start_server(refuses, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            monkeypatch.setenv("https_proxy", proxy.format(f"{host}:{port}"))
            settings = judging("https://model.invalid/v1", retries={"attempts": 1})
            async with calling(settings) as client:
                failure = await refused(client, settings)
        assert failure.reason == "unreachable"
        assert says.format(f"{host}:{port}") in str(failure)
        assert "hidden" not in str(failure)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("proxy", "named"),
    [
        ("http://me:hidden@127.0.0.1:9", "http://127.0.0.1:9: Connection refused"),
        ("127.0.0.1:9", "http://127.0.0.1:9: Connection refused"),
        ("proxy.invalid:3128", "http://proxy.invalid:3128: "),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_is_named_and_the_judge_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch, scheme: str, proxy: str, named: str
) -> None:
    async def story() -> None:
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
        settings = judging(f"{scheme}://model.invalid/v1", retries={"attempts": 1})
        async with calling(settings) as client:
            failure = await refused(client, settings)
        assert failure.reason == "unreachable"
        assert f"cannot be reached through the proxy {named}" in str(failure)
        assert "baseUrl" not in str(failure)
        assert "hidden" not in str(failure)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("http://me:hidden@judge/v1", "holds a user, a fragment or a query other than api-version; leave it out"),
        ("http://judge/v1?key=hidden", "holds a user, a fragment or a query other than api-version; leave it out"),
        ("http://judge:99999/v1", "names no host, or a port that does not exist"),
        ("http://:80/v1", "names no host, or a port that does not exist"),
        ("http://a..b/v1", "names no host, or a port that does not exist"),
        ("http://" + "a" * 64 + ".example/v1", "names no host, or a port that does not exist"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_beforehand_and_its_password_not_shown(
    base_url: str, says: str
) -> None:
    with pytest.raises(InvalidManifest, match=f"^models.small.baseUrl: {says}") as caught:
        llm_client_for(judging(base_url), "r1")
    assert "hidden" not in str(caught.value)


def test_an_interface_with_versions_is_asked_below_its_path_with_both_headers_that_it_may_read() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = with_key(f"{judge.base_url}?api-version=2024-10-21")
        async with calling(settings) as client:
            assert (await ask(client, settings)).text == "yes"

    (request,) = run(in_turn(Reply("yes")), story).requests
    assert request.path == "/v1/chat/completions?api-version=2024-10-21"
    assert (request.headers["authorization"], request.headers["api-key"]) == (f"Bearer {KEY}", KEY)


def test_the_large_models_key_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(judge: ScriptedJudge) -> None:
        monkeypatch.setenv("ATLAS_LARGE_JUDGE_KEY", "large-key")
        reference = {"secretKeyRef": {"name": "judge", "key": "key"}}
        small = {"model": "small", "baseUrl": judge.base_url}
        large = {"model": "large", "baseUrl": judge.base_url, "apiKeyFrom": reference}
        settings = judging(models={"small": small, "large": large})
        async with calling(settings) as client:
            await ask(client, settings)
            assert settings.models.large is not None
            await client.ask(settings.models.large, [{"role": "user", "content": "Right?"}], 0.3)
        assert "authorization" not in judge.requests[0].headers
        assert judge.requests[1].headers["authorization"] == "Bearer large-key"

    run(in_turn(Reply("yes")), story)
