-- One row per ISO week x network x topic (`all` totals included): how public posts speak of us, with n and interval.
--
-- Posts of one author resemble each other, so the interval is that of a mean of clusters, an author being a cluster.
-- A cell of fewer than 30 posts or 10 authors says nothing and names nobody: it has counts, but no sentiment.

{% set min_posts = 30 %}
{% set min_authors = 10 %}

with posts as (

    select
        {{ add_days('posts.post_date', '1 - ' ~ iso_weekday('posts.post_date')) }} as week_start,
        posts.network,
        coalesce(posts.topic, 'other') as topic,
        coalesce(posts.author_hash, posts.post_id) as author,
        cast(sentiments.sentiment as decimal(18, 6)) as sentiment
    from {{ ref('stg_social__posts') }} as posts
    inner join {{ ref('int_social__post_sentiments') }} as sentiments on posts.post_id = sentiments.post_id

),

authors as (

    select
        week_start,
        case when grouping(network) = 1 then 'all' else network end as network,
        case when grouping(topic) = 1 then 'all' else topic end as topic,
        author,
        count(*) as posts,
        sum(sentiment) as sentiment,
        sum(case when sentiment > 0 then 1 else 0 end) as positive,
        sum(case when sentiment < 0 then 1 else 0 end) as negative
    from posts
    group by week_start, author, cube(network, topic)

),

cells as (

    select
        week_start,
        network,
        topic,
        sum(posts) as posts,
        count(*) as authors,
        sum(sentiment) / sum(posts) as sentiment,
        sum(positive) / sum(posts) as positive_share,
        sum(negative) / sum(posts) as negative_share
    from authors
    group by week_start, network, topic

),

errors as (

    select
        authors.week_start,
        authors.network,
        authors.topic,
        sum(power(cast(authors.sentiment as double) - authors.posts * cells.sentiment, 2)) as residuals
    from authors
    inner join cells
        on
            authors.week_start = cells.week_start
            and authors.network = cells.network
            and authors.topic = cells.topic
    group by authors.week_start, authors.network, authors.topic

),

judged as (

    select
        cells.*,
        cells.posts >= {{ min_posts }} and cells.authors >= {{ min_authors }} as has_enough_data,
        1.96 * sqrt(errors.residuals * cells.authors / nullif(cells.authors - 1, 0)) / cells.posts as margin
    from cells
    inner join errors
        on
            cells.week_start = errors.week_start
            and cells.network = errors.network
            and cells.topic = errors.topic

)

select
    week_start,
    network,
    topic,
    cast(posts as bigint) as posts,
    authors,
    {{ add_days('week_start', 6) }} <= {{ as_of_date() }} as is_complete,
    has_enough_data,
    case when has_enough_data then round(sentiment, 6) end as sentiment,
    case when has_enough_data then round({{ at_least('sentiment - margin', '-1.0') }}, 6) end as sentiment_low,
    case when has_enough_data then round({{ clipped('sentiment + margin', '-1.0', '1.0') }}, 6) end as sentiment_high,
    case when has_enough_data then round(positive_share, 6) end as positive_share,
    case when has_enough_data then round(negative_share, 6) end as negative_share
from judged
