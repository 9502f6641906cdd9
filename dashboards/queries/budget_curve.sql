-- One row per level of spend of a channel.
select * from marts.fct_response_curves
where channel = $channel
order by spend_eur
