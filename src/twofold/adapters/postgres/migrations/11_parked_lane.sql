-- A lane of commands stands still where one of them could not be decided; its commands wait in order.

alter table twofold.accepted_command add column lane text collate "C" not null default '';

update twofold.accepted_command set lane = convert_from(content, 'UTF8')::json ->> 'lane';

create index accepted_lane on twofold.accepted_command (lane, ordinal);

create table twofold.parked_lane (
    lane       text   collate "C" primary key,
    command_id text   collate "C" not null,
    state      text   collate "C" not null,
    cause      text   not null,
    since_us   bigint not null,
    last_us    bigint not null,
    content    bytea  not null
);

create index parked_command on twofold.parked_lane (command_id);
