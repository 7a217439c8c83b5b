-- Rejected messages that somebody has dismissed stay; those that wait for somebody are counted.

alter table twofold_rejected_message add column dismissed integer not null default 0;

create index twofold_rejected_open on twofold_rejected_message (channel) where dismissed = 0;
