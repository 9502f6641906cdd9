select
    phase, money_at_stake_eur, second_phase, second_money_at_stake_eur, confidence, verdict,
    case when $language = 'de' then campaign_de else campaign_en end as campaign
from marts.rpt_cji_recommendations
where phase_model = $phase_model and segment = $segment and snapshot_date = $day::date
