-- The log and what is committed together with it.

create table twofold.event (
    position       bigint  primary key,
    id             text    not null,
    stream         text    collate "C" not null,
    version        bigint  not null,
    type           text    not null,
    schema_version integer not null,
    time_us        bigint  not null,
    correlation_id text    not null,
    causation_id   text    not null,
    actor          text    not null,
    trace          text    not null,
    data           bytea   not null
);

create unique index event_stream on twofold.event (stream, version);

create table twofold.command (
    command_id text    collate "C" primary key,
    operation  text    not null,
    digest     text    not null,
    status     text    not null,
    answer     bytea   not null,
    position   bigint  not null,
    time_us    bigint  not null
);

create table twofold.snapshot (
    stream   text   collate "C" not null,
    fold     text   collate "C" not null,
    version  bigint not null,
    position bigint not null,
    state    bytea  not null,
    primary key (stream, fold)
);

create table twofold.number (
    name text   collate "C" primary key,
    last bigint not null
);

create table twofold.identity (
    epoch  text  not null,
    secret bytea not null
);
