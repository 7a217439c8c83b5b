-- Commands that were accepted and are not decided yet, and messages that are no commands.

create table twofold.accepted_command (
    ordinal     bigint  generated always as identity primary key,
    command_id  text    collate "C" not null unique,
    part        integer not null,
    accepted_us bigint  not null,
    content     bytea   not null
);

create table twofold.rejected_message (
    ordinal bigint  generated always as identity primary key,
    channel text    collate "C" not null,
    part    integer not null,
    place   text    collate "C" not null,
    content bytea   not null,
    unique (channel, part, place)
);
