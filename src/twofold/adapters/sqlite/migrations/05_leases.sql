-- Who does which part of a work that several processes share, and how far each part has come.

create table twofold_lease_member (
    work     text    not null,
    member   text    not null,
    until_us integer not null,
    primary key (work, member)
) without rowid;

create table twofold_lease (
    work   text    not null,
    part   integer not null,
    token  integer not null,
    member text    not null,
    mark   text    not null,
    primary key (work, part)
) without rowid;
