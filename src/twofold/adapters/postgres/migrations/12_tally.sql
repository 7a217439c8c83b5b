-- What all processes counted, by name and stretch of time, and the last addition of each of them.

create table twofold.tally (
    span_seconds integer not null,
    since_us     bigint  not null,
    name         text    collate "C" not null,
    answers      bigint  not null,
    late         bigint  not null,
    primary key (span_seconds, since_us, name)
) with (fillfactor = 50);

create table twofold.tally_writer (
    writer   text   collate "C" primary key,
    number   bigint not null,
    since_us bigint not null
) with (fillfactor = 50);
