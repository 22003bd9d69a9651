"""Trials in virtual time (autojump_clock): which verdict is believed, who runs beside whom, what a dying target costs."""

from __future__ import annotations

import pytest
import trio
from plumbline.probes.preflight import Sanity
from plumbline.probes.script.outcome import Endpoint, Outcome, Setting
from plumbline.probes.trials import Plan, Trials
from plumbline.reports.records import Verdict

from tests.runner.making import BUSY, FAIL, HINDERED, PASS, SETTING, Driver, case

pytestmark = pytest.mark.trio


async def still_there():
    return ""


def trials(driver, setting=SETTING, look=still_there, **plan):
    """Trials with a driver of ours; nothing here touches a network."""
    made = Trials(setting, Plan(**plan), driver.play)
    made.health._look = look
    return made


async def run_all(made, cases):
    """All at once; results by id, and when each was there."""
    results, times = {}, {}

    async def one(ready):
        results[ready.id] = await made.result(ready)
        times[ready.id] = trio.current_time()

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for ready in cases:
            nursery.start_soon(one, ready)
    return results, {name: when - start for name, when in times.items()}


@pytest.mark.parametrize(
    ("script", "again", "attempts", "verdict"),
    [
        ([PASS], 2, ["pass"], "pass"),
        ([FAIL, FAIL, FAIL], 2, ["fail", "fail", "fail"], "fail"),
        ([FAIL], 0, ["fail"], "fail"),
        ([FAIL, PASS], 2, ["fail", "pass"], "inconclusive"),
        ([FAIL, FAIL, PASS], 2, ["fail", "fail", "pass"], "inconclusive"),
        ([FAIL, HINDERED, FAIL], 2, ["fail", "inconclusive", "fail"], "inconclusive"),
        ([HINDERED, PASS], 2, ["inconclusive", "pass"], "pass"),
        ([HINDERED, FAIL, FAIL], 2, ["inconclusive", "fail", "fail"], "inconclusive"),
        ([HINDERED], 0, ["inconclusive"], "inconclusive"),
    ],
)
async def test_which_verdict_is_believed(script, again, attempts, verdict, autojump_clock):
    driver = Driver(script)

    result = await trials(driver, again=again).result(case())

    assert [one.value for one in result.attempts] == attempts
    assert result.outcome.verdict.value == verdict
    assert driver.played == len(attempts)


async def test_flaky_is_said_with_both_faces(autojump_clock):
    result = await trials(Driver([FAIL, PASS])).result(case())

    assert result.outcome.reason.startswith("flaky, failed 1 of 2 times: expected 250, got 500")
    assert "otherwise pass" in result.outcome.reason
    assert result.outcome.got == "500"  # the evidence is that of the failure


async def test_a_fault_of_our_own_is_no_pass(autojump_clock):
    result = await trials(Driver([ZeroDivisionError("oops")] * 3)).result(case())

    assert result.outcome.verdict is Verdict.INCONCLUSIVE
    assert result.outcome.reason == "a fault of Plumbline's own: ZeroDivisionError: oops"


async def test_a_case_without_end_is_cut_off(autojump_clock):
    result = await trials(Driver(takes=10_000.0), again=0).result(case())

    assert result.outcome.verdict is Verdict.INCONCLUSIVE
    assert result.outcome.reason == "not over after 300 s"


async def test_the_window_is_kept_and_used(autojump_clock):
    driver = Driver()

    _, times = await run_all(trials(driver, window=4), [case(f"c{n}") for n in range(12)])

    assert driver.peak == 4
    assert max(times.values()) == pytest.approx(3.0)


async def test_serial_cases_are_alone(autojump_clock):
    driver = Driver()
    made = trials(driver, window=8)
    seen = []

    async def alone():
        async with made.gate.passage(serial=True):
            seen.append(driver.in_flight)
            await trio.sleep(1.0)
            seen.append(driver.in_flight)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(made.result, case(f"c{number}"))
            nursery.start_soon(alone)

    assert driver.played == 4
    assert seen == [0] * 8


async def test_a_serial_case_runs_through_that_gate(autojump_clock):
    driver = Driver()
    cases = [case(f"s{number}", serial=True) for number in range(3)]

    _, times = await run_all(trials(driver, window=8), cases)

    assert driver.peak == 1
    assert sorted(times.values()) == pytest.approx([1.0, 2.0, 3.0])


async def test_cases_of_the_same_name_exclude_each_other(autojump_clock):
    driver = Driver()
    cases = [case(f"l{n}", serial="login") for n in range(3)]

    _, times = await run_all(trials(driver, window=8), [*cases, case("free")])

    assert max(times.values()) == pytest.approx(3.0)
    assert times["smtp/free"] == pytest.approx(1.0)


async def test_failing_cases_are_repeated_alone(autojump_clock):
    driver = Driver([FAIL])  # the first that is played fails once
    made = trials(driver, window=8)

    _, times = await run_all(made, [case("suspect"), *(case(f"c{n}") for n in range(3))])

    assert sorted(times.values()) == pytest.approx([1.0, 1.0, 1.0, 2.0])


async def test_repeats_of_long_cases_overlap(autojump_clock):
    driver = Driver([FAIL] * 3, takes=60.0)

    start = trio.current_time()
    result = await trials(driver).result(case())

    assert trio.current_time() - start == pytest.approx(120.0)
    assert len(result.attempts) == 3
    assert result.outcome.verdict is Verdict.FAIL


async def test_a_target_without_room_gets_fewer_at_once_and_every_case_its_turn(autojump_clock):
    driver = Driver(limit=3)
    made = trials(driver, window=16)

    results, _ = await run_all(made, [case(f"c{n}") for n in range(16)])

    assert {one.outcome.verdict for one in results.values()} == {Verdict.PASS}
    assert made.gate.window < 16
    assert driver.peak <= 3


async def test_one_shortage_that_many_notice_halves_the_window_once(autojump_clock):
    made = trials(Driver([BUSY] * 8), window=8)

    await run_all(made, [case(f"c{n}") for n in range(8)])

    assert made.gate.window == 4


async def test_a_case_that_never_finds_room_is_inconclusive_and_not_repeated(autojump_clock):
    driver = Driver([BUSY] * 100)
    made = trials(driver)

    result = await made.result(case())

    assert result.outcome.verdict is Verdict.INCONCLUSIVE
    assert result.outcome.reason == "421 too many"
    assert driver.played == 6


async def test_a_dead_target_is_noticed_once_for_all(autojump_clock):
    looks = []

    async def look():
        looks.append(1)
        await trio.sleep(5.0)
        return "refused"

    script = [PASS] * 4 + [Outcome(Verdict.INCONCLUSIVE, "could not connect", unavailable=True)] * 100
    driver = Driver(script)
    made = trials(driver, look=look, window=4)

    results, times = await run_all(made, [case(f"c{n:02}") for n in range(50)])

    verdicts = [one.outcome.verdict for one in results.values()]
    assert verdicts.count(Verdict.PASS) == 4
    assert verdicts.count(Verdict.INCONCLUSIVE) == 46
    assert len(looks) == 1
    assert driver.played < 20
    assert max(times.values()) < 15
    assert "the target stopped answering after smtp/c" in made.health.dead
    assert made.health.last_good.startswith("smtp/c")


async def test_a_dead_target_ends_what_is_in_flight(autojump_clock):
    class Hanging(Driver):
        async def play(self, talk, *, observer, source):
            self.takes = 1.0 if self.played < 3 else 250.0
            return await super().play(talk, observer=observer, source=source)

    async def look():
        return "silence"

    driver = Hanging([HINDERED] * 3)
    made = trials(driver, look=look, window=8, again=0)

    results, times = await run_all(made, [case(f"c{n}") for n in range(8)])

    assert max(times.values()) < 5
    assert all("stopped answering" in one.outcome.reason for one in list(results.values())[3:])


async def test_cases_that_cannot_be_set_up_are_no_sign_of_death_while_the_target_greets(autojump_clock):
    made = trials(Driver([HINDERED] * 30), again=0)

    results, _ = await run_all(made, [case(f"c{n}") for n in range(40)])

    assert sum(one.outcome.verdict is Verdict.PASS for one in results.values()) == 10
    assert made.health.dead == ""


async def test_a_control_case_runs_once_and_its_verdict_counts(autojump_clock):
    driver = Driver([FAIL] * 3)
    control = case("control")
    made = trials(driver, controls={"smtp/control": control})
    others = [case(f"c{n}", depends_on="control") for n in range(5)]

    results, _ = await run_all(made, [*others, control])

    assert driver.played == 3
    assert results["smtp/control"].outcome.verdict is Verdict.FAIL
    reasons = {results[one.id].outcome.reason for one in others}
    assert reasons == {"the control case smtp/control gave fail: expected 250, got 500"}


async def test_a_control_case_that_passes_lets_the_others_run(autojump_clock):
    driver = Driver()
    made = trials(driver, controls={"smtp/control": case("control")})

    result = await made.result(case("c", depends_on="control"))

    assert result.outcome.verdict is Verdict.PASS
    assert driver.played == 2


@pytest.mark.parametrize(
    ("plan", "words", "verdict"),
    [
        ({}, "there is no control case smtp/control", Verdict.INCONCLUSIVE),
        (
            {"controls": {"smtp/control": case("control")}, "skip": lambda _: "needs X"},
            "the control case smtp/control was skipped: needs X",
            Verdict.SKIPPED,
        ),
    ],
)
async def test_a_control_case_that_cannot_run(plan, words, verdict, autojump_clock):
    result = await trials(Driver(), **plan).result(case("c", depends_on="control"))

    assert result.outcome.verdict is verdict
    assert words in result.outcome.reason


async def test_cases_that_depend_on_each_other_do_not_wait_for_ever(autojump_clock):
    one, two = case("one", depends_on="two"), case("two", depends_on="one")
    made = trials(Driver(), controls={"smtp/one": one, "smtp/two": two})

    with trio.fail_after(10):
        result = await made.result(one)

    assert result.outcome.verdict is Verdict.INCONCLUSIVE
    assert "in a circle" in result.outcome.reason


async def test_passive_cases_judge_what_was_seen(autojump_clock):
    made = trials(Driver())
    passive = case("passive", script=[], passive=["bare-lf"])

    before = (await made.result(passive)).outcome
    await made.result(case())
    after = (await made.result(passive)).outcome

    assert before.verdict is Verdict.SKIPPED
    assert after.verdict is Verdict.PASS
    assert "1 replies" in after.reason


async def test_every_attempt_comes_from_an_address_of_its_own_on_loopback(autojump_clock):
    driver = Driver()
    setting = Setting(endpoints={"smtp": Endpoint("smtp", "127.0.0.1", 25)})

    await run_all(trials(driver, setting=setting), [case(f"c{n}") for n in range(600)])

    assert len(set(driver.sources)) == 600
    assert all(source.startswith("127.") and source != "127.0.0.1" for source in driver.sources)


async def test_elsewhere_the_kernel_chooses_our_address(autojump_clock):
    driver = Driver()

    await trials(driver).result(case())

    assert driver.sources == [None]


async def test_a_target_at_its_limit_is_looked_at_when_nothing_else_runs(autojump_clock):
    driver = Driver(takes=5.0)
    made = Trials(SETTING, Plan(window=8), driver.play)
    looks = []

    async def greet():
        looks.append(driver.in_flight)
        return Sanity("it greets with 421" if driver.in_flight else "")

    made._greet = greet

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(made.result, case(f"c{number}"))
        await trio.sleep(1.0)
        assert await made._look() == ""

    assert looks == [4, 0]


async def test_a_target_that_nobody_serves_any_more_is_not_looked_at_twice(autojump_clock):
    made = Trials(SETTING, Plan(), Driver().play)
    looks = []

    async def greet():
        looks.append(1)
        return Sanity("could not connect: refused", certain=True)

    made._greet = greet

    assert await made._look() == "could not connect: refused"
    assert looks == [1]
