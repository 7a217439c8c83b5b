-- What is still to be done: timers, commands that processes sent, and how far they have read.

create table twofold.timer (
    stream  text   collate "C" not null,
    name    text   collate "C" not null,
    process text   collate "C" not null,
    due_us  bigint not null,
    primary key (stream, name)
);

create index timer_due on twofold.timer (process, due_us);

create table twofold.queued_command (
    command_id     text    collate "C" not null unique,
    process        text    collate "C" not null,
    stream         text    collate "C" not null,
    version        bigint  not null,
    number         integer not null,
    operation      text    not null,
    data           bytea   not null,
    correlation_id text    not null,
    trace          text    not null,
    due_us         bigint  not null,
    attempts       integer not null,
    error          text    not null,
    primary key (stream, version, number)
);

create index queued_command_due on twofold.queued_command (process, due_us);

create table twofold.consumer (
    name     text   collate "C" primary key,
    position bigint not null,
    epoch    text   not null
);
