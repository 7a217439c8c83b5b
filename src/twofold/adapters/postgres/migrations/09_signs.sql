-- When each member said last that it is there: of those that fell silent somebody may ask.

alter table twofold.lease_member
    add column seen timestamptz not null default clock_timestamp();
