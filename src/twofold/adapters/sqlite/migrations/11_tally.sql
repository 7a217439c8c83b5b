-- What all processes counted, by name and stretch of time, and the last addition of each of them.

create table twofold_tally (
    span_seconds integer not null,
    since_us     integer not null,
    name         text    not null,
    answers      integer not null,
    late         integer not null,
    primary key (span_seconds, since_us, name)
) without rowid;

create table twofold_tally_writer (
    writer   text    primary key,
    number   integer not null,
    since_us integer not null
) without rowid;
