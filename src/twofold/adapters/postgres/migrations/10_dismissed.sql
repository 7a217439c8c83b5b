-- Rejected messages that somebody has dismissed stay; those that wait for somebody are counted.

alter table twofold.rejected_message add column dismissed boolean not null default false;

create index rejected_open on twofold.rejected_message (channel) where not dismissed;
