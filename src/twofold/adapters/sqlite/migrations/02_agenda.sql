-- What is still to be done: timers, commands that processes sent, and how far they have read.

create table twofold_timer (
    stream  text    not null,
    name    text    not null,
    process text    not null,
    due_us  integer not null,
    primary key (stream, name)
) without rowid;

create index twofold_timer_due on twofold_timer (process, due_us);

create table twofold_queued_command (
    command_id     text    not null unique,
    process        text    not null,
    stream         text    not null,
    version        integer not null,
    number         integer not null,
    operation      text    not null,
    data           blob    not null,
    correlation_id text    not null,
    trace          text    not null,
    due_us         integer not null,
    attempts       integer not null,
    error          text    not null,
    primary key (stream, version, number)
) without rowid;

create index twofold_queued_command_due on twofold_queued_command (process, due_us);

create table twofold_consumer (
    name     text    primary key,
    position integer not null,
    epoch    text    not null
) without rowid;
