-- When each member said last that it is there: of those that fell silent somebody may ask.

alter table twofold_lease_member add column seen_us integer not null default 0;
