-- A lane of commands stands still where one of them could not be decided; its commands wait in order.

alter table twofold_accepted_command add column lane text not null default '';

update twofold_accepted_command set lane = json_extract(cast(content as text), '$.lane');

create index twofold_accepted_lane on twofold_accepted_command (lane, ordinal);

create table twofold_parked_lane (
    lane       text    primary key,
    command_id text    not null,
    state      text    not null,
    cause      text    not null,
    since_us   integer not null,
    last_us    integer not null,
    content    blob    not null
) without rowid;

create index twofold_parked_command on twofold_parked_lane (command_id);
