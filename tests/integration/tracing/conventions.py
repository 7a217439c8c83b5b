"""What holds of a letter's trace on each way through real servers."""

from __future__ import annotations

from typing import ClassVar

from tests.integration.tracing.letter import Journey


class OneTrace:
    """One trace from a request to the query that showed it, through processes and a real broker.

    ``log``, ``broker`` and ``documents`` are what the conventions call the systems; the fixture
    ``journey`` is the letter's.
    """

    log: ClassVar[str]
    broker: ClassVar[str]
    documents: ClassVar[str]

    def test_the_way_of_a_command_is_one_trace(self, journey: Journey) -> None:
        request = journey.one("POST /letters")
        assert (request.role, request.kind) == ("api", "server")
        assert request.parent == journey.traces.written[36:52]
        command = journey.one("command letter.Write")
        assert command.parent == request.id
        decided_later = journey.stage.commands == "async"
        deciding = ("commands", "consumer") if decided_later else ("api", "internal")
        assert (command.role, command.kind) == deciding
        append = journey.one("append log", command, deciding[0])
        assert append.attributes["db.system.name"] == self.log
        assert journey.roles(f"publish {journey.events}", command) == {"relay"}
        assert journey.roles(f"fetch {journey.events}", command) == {"projector"}
        assert journey.roles("apply letter_row", command) == {"projector"}

    def test_projections_name_what_they_write_to(self, journey: Journey) -> None:
        applied = [span for span in journey.written if span.name == "apply letter_row"]
        told = {(span.kind, span.attributes["db.system.name"]) for span in applied}
        assert told == {("consumer", self.documents)}

    def test_a_command_that_is_decided_later_is_published_by_its_request(
        self, journey: Journey
    ) -> None:
        named = [span for span in journey.written if span.name.endswith("letters.commands")]
        told = {(span.name.split()[0], span.role, span.parent) for span in named}
        if journey.stage.commands == "sync":
            assert told == set()
            return
        request = journey.one("POST /letters")
        assert told == {("publish", "api", request.id), ("fetch", "commands", request.id)}

    def test_the_query_that_showed_it_is_in_the_same_trace(self, journey: Journey) -> None:
        query = journey.one("GET /letters/{id}")
        assert (query.role, query.parent) == ("api", journey.traces.asked[36:52])
        wait = journey.one("wait letter_row", query)
        assert wait.links == [journey.one("command letter.Write").id]
        assert wait.attributes["twofold.wait.outcome"] == "reached"
        assert journey.one("get letter_row", query).kind == "client"

    def test_what_a_process_sends_is_a_step_of_the_command_that_led_to_it(
        self, journey: Journey
    ) -> None:
        stamp = journey.one("command letter.Stamp", journey.one("command letter.Write"))
        assert (stamp.role, stamp.kind) == ("scheduler", "consumer")
        assert journey.one("append log", stamp).role == "scheduler"
        for step in (f"publish {journey.events}", f"fetch {journey.events}", "apply letter_row"):
            assert stamp.id in journey.reached_by(step), step

    def test_no_step_is_without_the_one_it_follows_from(self, journey: Journey) -> None:
        known = {span.id for span in journey.spans} | journey.traces.outside
        for span in (*journey.written, *journey.returned):
            assert span.parent in known, span
            assert set(span.links) <= known, span

    def test_events_at_the_broker_carry_the_trace_of_their_command(self, journey: Journey) -> None:
        for event, command in (("Written", "Write"), ("Stamped", "Stamp")):
            span = journey.one(f"command letter.{command}")
            assert journey.published[event]["traceparent"] == f"00-{span.trace}-{span.id}-01"

    def test_events_of_other_systems_keep_their_trace(self, journey: Journey) -> None:
        outside = journey.traces.returned
        (command,) = [span for span in journey.returned if span.name == "command letter.TakeBack"]
        assert (command.role, command.kind) == ("scheduler", "consumer")
        assert command.parent == outside[36:52]
        assert command.links == [outside[36:52]]
        fetched = [span for span in journey.returned if span.name == "fetch post.events"]
        assert {(span.role, *span.links) for span in fetched} == {("scheduler", outside[36:52])}
        applied = [span for span in journey.returned if span.name == "apply letter_row"]
        assert {span.parent for span in applied} == {command.id}
        carried = journey.published["TakenBack"]["traceparent"]
        assert carried == f"00-{outside[3:35]}-{command.id}-01"

    def test_messages_are_told_as_the_conventions_want_it(self, journey: Journey) -> None:
        spans = (*journey.written, *journey.returned)
        told = [span for span in spans if span.name.startswith(("publish", "fetch"))]
        for span in told:
            operation, _, destination = span.name.partition(" ")
            expected = {
                "messaging.system": self.broker,
                "messaging.operation.name": operation,
                "messaging.operation.type": {"publish": "send", "fetch": "receive"}[operation],
                "messaging.destination.name": destination,
            }
            count = span.attributes["messaging.batch.message_count"]
            assert span.attributes == expected | {"messaging.batch.message_count": count}
            # Their own context is in no message, so neither begins anything: both are clients.
            assert span.kind == "client"
            assert span.parent in span.links
            assert count >= len(span.links)

    def test_what_is_not_sampled_leaves_no_spans_in_any_process(self, journey: Journey) -> None:
        assert journey.of(journey.traces.unseen) == []
        assert {span.role for span in journey.spans} == set(journey.stage.roles)

    def test_nothing_of_letters_and_nothing_secret_leaves_in_spans(self, journey: Journey) -> None:
        assert [one for one in journey.private if one.encode() in journey.raw] == []
