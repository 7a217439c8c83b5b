"""Writes down the events of today's program, for tomorrow's program to read."""

import json
from pathlib import Path

from proposals import AcceptProposal, SubmitProposal, domain

domain.init(traverse=False)
with domain.domain_context():
    submission = SubmitProposal(title="Old times", category="it", level="beginner", author="ann")
    domain.process(submission)
    decided = SubmitProposal(title="Older times", category="it", level="beginner", author="ann")
    domain.process(AcceptProposal(proposal_id=domain.process(decided)))
    messages = domain.event_store.store._read("$all")
Path("old_events.json").write_text(json.dumps(messages))
