"""The training company: which modules there are, and who can be signed in for a demonstration."""

from __future__ import annotations

from training.modules.catalogue.module import module as catalogue
from training.modules.offers.module import module as offers
from training.modules.programs.module import module as programs
from training.modules.reviews.module import module as reviews
from training.pages.site import pages
from training.sample import sample
from twofold import Account, Application

ACCOUNTS = (
    Account("author", "Ada Author", ("author",)),
    Account("author2", "Arne Author", ("author",)),
    Account("reviewer", "Rita Reviewer", ("reviewer",)),
    Account("reviewer2", "Raul Reviewer", ("reviewer",)),
    Account("manager", "Mona Manager", ("manager",)),
    Account("participant", "Pia Participant", ("participant",)),
    Account("participant2", "Paul Participant", ("participant",)),
    Account("admin", "Alma Admin", ("admin",)),
    Account("operator", "Otto Operator", ("operator",)),
)

app = Application(
    "training",
    programs,
    reviews,
    offers,
    catalogue,
    title="Training company",
    accent="teal",
    accounts=ACCOUNTS,
    pages=pages,
    sample=sample,
)
