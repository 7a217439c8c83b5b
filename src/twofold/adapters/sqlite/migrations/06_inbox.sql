-- Commands that were accepted and are not decided yet, and messages that are no commands.

create table twofold_accepted_command (
    ordinal     integer primary key autoincrement,
    command_id  text    not null unique,
    part        integer not null,
    accepted_us integer not null,
    content     blob    not null
);

create table twofold_rejected_message (
    ordinal integer primary key autoincrement,
    channel text    not null,
    part    integer not null,
    place   text    not null,
    content blob    not null,
    unique (channel, part, place)
);
