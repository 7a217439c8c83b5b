-- Instances that are stuck are counted by every probe: an index of them alone.

create index twofold_timer_stuck on twofold_timer (process) where name = '(retry)';
