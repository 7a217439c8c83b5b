-- One call for the lock that orders the log, the notification and the head. The function is
-- volatile, so the head is read in a snapshot taken after the lock was granted.

create function twofold.enter_log() returns bigint language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock(8434717423);
    perform pg_notify('twofold_log', '');
    return (select coalesce(max(position), 0) from twofold.event);
end
$$;
