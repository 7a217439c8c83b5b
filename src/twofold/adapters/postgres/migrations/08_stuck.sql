-- Instances that are stuck are counted by every probe: an index of them alone.

create index timer_stuck on twofold.timer (process) where name = '(retry)';
