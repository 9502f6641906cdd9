-- One row per mailing whose demand window is over, and one for `next`, with a hash of everything that is known of it.
select
    features.mailing_id,
    coalesce(bool_or(recipients.is_holdout), false) as has_holdout,
    count(*) as customers,
    md5(
        concat_ws(
            '|',
            count(*),
            bit_xor(hash(features, orders.demand_eur, orders.margin_eur, recipients.cost_eur)),
            sum(hash(features, orders.demand_eur, orders.margin_eur, recipients.cost_eur)::hugeint),
            (
                select list((arm, planned_share) order by arm)
                from seeds.mailing_arms as planned
                where planned.mailing_id = features.mailing_id
            )
        )
    ) as input_hash
from intermediate.int_catalog__features as features
left join marts.fct_catalog_recipients as recipients using (mailing_id, customer_key)
left join (
    select mailing_id, customer_key, sum(revenue_eur) as demand_eur, sum(margin_eur) as margin_eur
    from intermediate.int_catalog__orders
    where days_after_drop between 1 and (select max(window_days) from marts.fct_catalog_recipients)
    group by all
) as orders using (mailing_id, customer_key)
where
    features.mailing_id = 'next'
    or features.mailing_id in (
        select mailing_id
        from marts.fct_catalog_recipients
        group by mailing_id
        having bool_and(is_complete)
    )
group by features.mailing_id
order by features.mailing_id
