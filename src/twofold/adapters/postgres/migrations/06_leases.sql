-- Who does which part of a work that several processes share, and how far each part has come.

create table twofold.lease_member (
    work   text        collate "C" not null,
    member text        collate "C" not null,
    until  timestamptz not null,
    primary key (work, member)
) with (fillfactor = 50);

create table twofold.lease (
    work   text    collate "C" not null,
    part   integer not null,
    token  bigint  not null,
    member text    collate "C" not null,
    mark   text    not null,
    primary key (work, part)
) with (fillfactor = 50);
