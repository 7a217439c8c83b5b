-- The log and what is committed together with it.

create table twofold_event (
    position       integer primary key,
    id             text    not null,
    stream         text    not null,
    version        integer not null,
    type           text    not null,
    schema_version integer not null,
    time_us        integer not null,
    correlation_id text    not null,
    causation_id   text    not null,
    actor          text    not null,
    trace          text    not null,
    data           blob    not null
);

create unique index twofold_event_stream on twofold_event (stream, version);

create table twofold_command (
    command_id text    primary key,
    operation  text    not null,
    digest     text    not null,
    status     text    not null,
    answer     blob    not null,
    position   integer not null,
    time_us    integer not null
) without rowid;

create table twofold_snapshot (
    stream   text    not null,
    fold     text    not null,
    version  integer not null,
    position integer not null,
    state    blob    not null,
    primary key (stream, fold)
) without rowid;

create table twofold_number (
    name text    primary key,
    last integer not null
) without rowid;

create table twofold_identity (
    epoch  text not null,
    secret blob not null
);
